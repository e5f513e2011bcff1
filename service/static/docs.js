// The page /docs: Swagger UI draws openapi.json, in the document's order of groups. Nothing comes from another host.

/* global SwaggerUIBundle */
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  defaultModelRendering: "model",
  displayRequestDuration: true,
  showCommonExtensions: true,
  validatorUrl: null,
});
