// The page /docs: Swagger UI draws openapi.json, in the document's order of groups. Nothing comes from another host.
//
// What Swagger UI leaves without a name for a screen reader gets one here, and the largest seed the digits that
// JavaScript's numbers lose.

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

const NAMES = {
  ".body-param__text": "Request body", ".close-modal": "Close", ".copy-to-clipboard > button": "Copy", ".download-contents": "Download",
};
const [ROUNDED, EXACT] = ["18446744073709552000", "18446744073709551615"];

function mend() {
  for (const [selector, name] of Object.entries(NAMES)) {
    for (const one of document.querySelectorAll(`${selector}:not([aria-label])`)) one.setAttribute("aria-label", name);
  }
  for (const one of document.querySelectorAll(".responses-inner img:not([alt])")) one.alt = "The picture that was drawn";
  for (const {firstChild: text} of document.querySelectorAll(".json-schema-2020-12__constraint")) {
    if (text?.data?.includes(ROUNDED)) text.data = text.data.replace(ROUNDED, EXACT);
  }
  // A link in a button cannot be reached by key; the button, too, puts the route into the address bar.
  for (const one of document.querySelectorAll(".opblock-summary-control a[href]")) one.removeAttribute("href");
}

new MutationObserver(mend).observe(document.getElementById("swagger-ui"), {childList: true, subtree: true});
