// The official Anthropic client: the whole life of a batch, and live answers.
// node anthropic.mjs URL PACKAGE; it ends with an error where something is not as the client expects it.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

const [url, name] = process.argv.slice(2);
const { default: Anthropic } = await import(name);
const client = new Anthropic({ apiKey: "any", baseURL: url, maxRetries: 0 });

const messages = [{ role: "user", content: "I'm Ada, 36 years old, \u2028Grüße 🇬🇧" }];
const given = { model: "claude-x", max_tokens: 200, messages };
const schema = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
};
const tools = [{ name: "save_user", input_schema: schema }];
const request = (id, more = {}) => ({ custom_id: id, params: { ...given, ...more } });

async function ended(id) {
  for (;;) {
    const batch = await client.messages.batches.retrieve(id);
    if (batch.processing_status === "ended") return batch;
    await sleep(20);
  }
}

async function results(id) {
  const found = {};
  for await (const row of await client.messages.batches.results(id)) found[row.custom_id] = row.result;
  return found;
}

async function batches() {
  const requests = [
    request("good"),
    request("tool", { tools, tool_choice: { type: "any" } }),
    request("wrong", { max_tokens: 0 }),
  ];
  const created = await client.messages.batches.create({ requests });
  assert.equal(created.processing_status, "in_progress");
  assert.equal(created.request_counts.processing, 3);
  const batch = await ended(created.id);
  assert.deepEqual(batch.request_counts, { processing: 0, succeeded: 2, errored: 1, canceled: 0, expired: 0 });
  const found = await results(batch.id);
  assert.match(found.good.message.content[0].text, /Grüße 🇬🇧/);
  assert.equal(found.good.message.usage.service_tier, "batch");
  assert.deepEqual(found.tool.message.content[0].input, { name: "Ada", age: 36 });
  assert.equal(found.wrong.error.error.type, "invalid_request_error");

  assert.equal((await client.messages.batches.cancel(batch.id)).processing_status, "ended");
  assert.equal((await client.messages.batches.delete(batch.id)).type, "message_batch_deleted");
  await assert.rejects(client.messages.batches.retrieve(batch.id), Anthropic.NotFoundError);
  await assert.rejects(client.messages.batches.create({ requests: [] }), Anthropic.BadRequestError);
}

async function pages() {
  const made = [];
  for (let n = 0; n < 23; n += 1) {
    made.push((await client.messages.batches.create({ requests: [request("a")] })).id);
  }
  const seen = [];
  for await (const batch of client.messages.batches.list()) seen.push(batch.id);
  assert.deepEqual(seen, made.reverse());
}

async function live() {
  const message = await client.messages.create(given);
  const streamed = await client.messages.stream(given).finalMessage();
  assert.deepEqual(streamed.content, message.content);
  const called = await client.messages.stream({ ...given, tools, tool_choice: { type: "any" } }).finalMessage();
  assert.equal(called.stop_reason, "tool_use");
  assert.deepEqual(called.content[0].input, { name: "Ada", age: 36 });
  const { input_tokens: counted } = await client.messages.countTokens({ model: "claude-x", messages });
  assert.equal(counted, message.usage.input_tokens);
  const models = [];
  for await (const model of client.models.list({ limit: 2 })) models.push(model.id);
  assert.ok(models.length > 2);
  await assert.rejects(client.messages.create({ ...given, messages: [] }), (error) => {
    assert.ok(error instanceof Anthropic.BadRequestError);
    assert.ok(error.requestID);
    return true;
  });
}

await batches();
await pages();
await live();
