// A program with openapi-fetch and the types that openapi-typescript makes: node made/program.js URL FOLDER.

import {writeFileSync} from "node:fs";
import createClient from "openapi-fetch";
import type {components, paths} from "./zoetrope.js";

const [url, folder] = process.argv.slice(2);
const client = createClient<paths>({baseUrl: url});
const image = "/models/{name}/{version}/images/{seed}/{index}.{suffix}";

function save(name: string, bytes: ArrayBuffer | string) {
  writeFileSync(`${folder}/${name}`, typeof bytes === "string" ? bytes : Buffer.from(bytes));
}

// What a request gave, or the service's words why not.
function given<T>(answer: {data?: T; error?: components["schemas"]["Problem"]}): T {
  if (answer.data === undefined) {
    throw new Error(answer.error?.detail);
  }
  return answer.data;
}

function generate(fields: components["schemas"]["GenerateRequest"]) {
  return client.POST("/generate", {body: {model: "mnist", ...fields}, parseAs: "arrayBuffer"});
}

async function permanent(name: string, version: string, seed: number) {
  const path = {name, version, seed, index: 0, suffix: "png" as const};
  return given(await client.GET(image, {params: {path}, parseAs: "arrayBuffer"}));
}

// Draw: files of five formats, and one URL.
save("generated.png", given(await generate({seed: 7, format: "png"})));
save("range.npy", given(await generate({seed: 7, start: 5, n: 10, format: "npy"})));
save("pictures.zip", given(await generate({seed: 7, n: 3, format: "zip"})));
save("mixed.jpg", given(await generate({seed: 7, label: {"3": 1, "8": 1}, format: "jpeg"})));
const body = {model: "mnist", seed: 8, n: 2, format: "json" as const};
const listed = given(await client.POST("/generate", {body, headers: {Accept: "application/json"}}));
if (typeof listed === "string") {
  throw new Error("JSON was requested");
}
save("listed.base64", listed.images[0]!.png);
const {card} = given(await client.GET("/models/{name}", {params: {path: {name: "mnist"}}}));
save("permanent.png", await permanent("mnist", card.version, 7));

// A fresh seed, which the headers name, leads to a URL.
const fresh = await generate({format: "png"});
save("fresh.png", given(fresh));
const header = (name: string) => fresh.response.headers.get(name) ?? "";
save("fresh-permanent.png", await permanent(header("X-Model"), header("X-Model-Version"), Number(header("X-Seed"))));

// Decode and interpolate.
const code = Array.from({length: card.code_size}, (_, at) => Math.round((at % 7) - 3) / 10);
const decoding = {model: "mnist", codes: [code], label: "3", format: "png" as const};
save("decoded.png", given(await client.POST("/decode", {body: decoding, parseAs: "arrayBuffer"})));
const walk = {model: "mnist", points: [{seed: 7}, {seed: 7, index: 1}], frames: 5, format: "webp" as const};
save("walk.webp", given(await client.POST("/interpolate", {body: walk, parseAs: "arrayBuffer"})));

// Grade, and get the grades back.
const grades = [1, 0.25].map((score, index) =>
  ({model: "mnist", version: card.version, seed: 7, index, score, grader: "openapi-fetch"}));
if (given(await client.POST("/ratings", {body: grades})).added !== 2) {
  throw new Error("two new grades were sent");
}
const csv = {params: {query: {format: "csv" as const}}, parseAs: "text" as const};
save("grades.csv", given(await client.GET("/ratings", csv)));

// What is refused has fields.
const {error} = await client.POST("/generate", {body: {model: "unknown"}});
save("problem.json", JSON.stringify({status: error?.status, detail: error?.detail}));
