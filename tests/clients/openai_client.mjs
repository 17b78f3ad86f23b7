// openai for Node: chat, stream, tools, schema, embeddings, list, cancel, errors. Arguments: the address, the key.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import process from "node:process";

const [url, key] = process.argv.slice(2);
const OpenAI = createRequire(`${process.env.CLIENT_FOLDER}/`)("openai").default;
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, timeout: 30000 });
const said = (name) => process.stdout.write(`${name}\n`);
const ask = (content) => ({ model: "auto", messages: [{ role: "user", content }] });
const schema = { type: "object", properties: { total: { type: "integer" } }, required: ["total"], additionalProperties: false };
const add = { type: "function", function: { name: "add", parameters: { type: "object", properties: { a: { type: "integer" } } } } };

assert.equal((await client.chat.completions.create(ask("say-text"))).choices[0].message.content, "Hello.");
said("chat");

let text = "";
for await (const piece of await client.chat.completions.create({ ...ask("say-text"), stream: true })) {
  text += piece.choices[0]?.delta.content ?? "";
}
assert.equal(text, "Hello.");
said("stream");

const [call] = (await client.chat.completions.create({ ...ask("say-tool"), tools: [add] })).choices[0].message.tool_calls;
assert.equal(call.function.name, "add");
assert.deepEqual(JSON.parse(call.function.arguments), { a: 1 });
said("tools");

const form = { type: "json_schema", json_schema: { name: "total", schema, strict: true } };
const told = await client.chat.completions.create({ ...ask("say-json"), response_format: form });
assert.deepEqual(JSON.parse(told.choices[0].message.content), { total: 3 });
said("schema");

assert.equal((await client.embeddings.create({ model: "all-minilm:22m", input: "one" })).data[0].embedding.length, 384);
said("embeddings");

const names = [];
for await (const model of client.models.list()) names.push(model.id);
assert.ok(names.includes("auto") && names.includes("team:assistant"), names);
said("list");

const stream = await client.chat.completions.create({ ...ask("say-long"), stream: true });
for await (const _ of stream) break;
said("cancel");

await assert.rejects(client.chat.completions.create({ ...ask("say-text"), model: "llama9" }), OpenAI.NotFoundError);
said("errors");
