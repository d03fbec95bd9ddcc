// stdin: a JSON list of diagrams; stdout: for each the texts that mermaid read from it, or its error.
// argv: a folder with node_modules that has mermaid and jsdom.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const modules = createRequire(pathToFileURL(process.argv[2] + "/"));
const { JSDOM } = modules("jsdom");
const { window } = new JSDOM("<!doctype html><body></body>");
Object.assign(globalThis, { window, document: window.document });
const { default: mermaid } = await import(pathToFileURL(modules.resolve("mermaid")));
const read = [];
for (const text of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    await mermaid.parse(text);
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
    read.push({
      actors: [...db.getActors().values()].map((actor) => actor.description),
      messages: db.getMessages().map((message) => message.message),
    });
  } catch (error) {
    read.push({ error: error.message });
  }
}
console.log(JSON.stringify(read));
