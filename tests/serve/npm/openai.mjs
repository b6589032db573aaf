// The official OpenAI client: the whole life of files, uploads, batches and live answers.
// node openai.mjs URL PACKAGE; it ends with an error where something is not as the client expects it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const [url, name] = process.argv.slice(2);
const { default: OpenAI, toFile } = await import(name);
const client = new OpenAI({ apiKey: "any", baseURL: `${url}/v1`, maxRetries: 0 });
const endpoint = "/v1/chat/completions";

const messages = [{ role: "user", content: "I'm Ada Lovelace, 36 years old. Grüße! 🇬🇧" }];
const line = (id, more = {}) =>
  JSON.stringify({ custom_id: id, method: "POST", url: endpoint, body: { model: "m", messages, ...more } }) + "\n";

async function rows(id) {
  const text = await (await client.files.content(id)).text();
  return text.split("\n").filter(Boolean).map((row) => JSON.parse(row));
}

async function ended(id) {
  for (;;) {
    const batch = await client.batches.retrieve(id);
    if (["completed", "failed", "expired", "cancelled"].includes(batch.status)) return batch;
    await sleep(20);
  }
}

async function filesAndBatches() {
  const text = line("a") + line("b") + line("bad", { temperature: 9 });
  writeFileSync("requests.jsonl", text);
  const file = await client.files.create({ file: createReadStream("requests.jsonl"), purpose: "batch" });
  assert.equal(file.bytes, Buffer.byteLength(text));
  assert.deepEqual(await client.files.retrieve(file.id), file);

  const created = await client.batches.create({
    input_file_id: file.id,
    endpoint,
    completion_window: "24h",
    metadata: { run: "7" },
    output_expires_after: { anchor: "created_at", seconds: 3600 },
  });
  assert.equal(created.status, "validating");
  const batch = await ended(created.id);
  assert.equal(batch.status, "completed");
  assert.deepEqual(batch.metadata, { run: "7" });
  assert.deepEqual(batch.request_counts, { total: 3, completed: 2, failed: 1 });
  assert.deepEqual((await rows(batch.output_file_id)).map((row) => row.custom_id), ["a", "b"]);
  const [failed] = await rows(batch.error_file_id);
  assert.equal(failed.response.status_code, 400);
  const output = await client.files.retrieve(batch.output_file_id);
  assert.equal(output.expires_at - output.created_at, 3600);

  await assert.rejects(client.batches.cancel(batch.id), OpenAI.ConflictError);
  assert.ok((await client.files.delete(file.id)).deleted);
  await assert.rejects(client.files.retrieve(file.id), OpenAI.NotFoundError);
}

async function pages() {
  const file = await client.files.create({ file: await toFile(Buffer.from(line("a")), "a.jsonl"), purpose: "batch" });
  const made = [];
  for (let at = 0; at < 3; at += 1) {
    const given = { input_file_id: file.id, endpoint, completion_window: "24h" };
    made.unshift((await client.batches.create(given)).id);
  }
  const seen = [];
  for await (const batch of client.batches.list({ limit: 2 })) seen.push(batch.id);
  assert.deepEqual(seen.slice(0, 3), made);
  assert.equal(new Set(seen).size, seen.length);
  const files = [];
  for await (const one of client.files.list({ limit: 1, order: "asc" })) files.push(one.id);
  assert.ok(files.includes(file.id));
}

async function cancelled() {
  const text = Array.from({ length: 20000 }, (_, at) => line(`r${at}`)).join("");
  const file = await client.files.create({ file: await toFile(Buffer.from(text), "many.jsonl"), purpose: "batch" });
  const created = await client.batches.create({ input_file_id: file.id, endpoint, completion_window: "24h" });
  const asked = await client.batches.cancel(created.id);
  assert.ok(["cancelling", "cancelled"].includes(asked.status));
  assert.equal((await ended(created.id)).status, "cancelled");
}

async function uploads() {
  const text = line("a") + line("b");
  const parts = [text.slice(0, 50), text.slice(50)].map((part) => Buffer.from(part));
  const bytes = Buffer.byteLength(text);
  const given = { bytes, filename: "parts.jsonl", mime_type: "application/jsonl", purpose: "batch" };
  const upload = await client.uploads.create(given);
  const ids = [];
  for (const part of parts) {
    ids.push((await client.uploads.parts.create(upload.id, { data: await toFile(part, "part") })).id);
  }
  const md5 = createHash("md5").update(text).digest("hex");
  const done = await client.uploads.complete(upload.id, { part_ids: ids, md5 });
  assert.equal(done.status, "completed");
  assert.equal(await (await client.files.content(done.file.id)).text(), text);
  const other = await client.uploads.create(given);
  assert.equal((await client.uploads.cancel(other.id)).status, "cancelled");
}

async function live() {
  const whole = await client.chat.completions.create({ model: "m", messages });
  const chat = client.chat.completions.stream({ model: "m", messages, stream_options: { include_usage: true } });
  assert.equal(await chat.finalContent(), whole.choices[0].message.content);
  assert.deepEqual(await chat.totalUsage(), whole.usage);
  let text = "";
  for await (const chunk of await client.completions.create({ model: "m", prompt: "Hi there", stream: true })) {
    text += chunk.choices[0].text;
  }
  assert.equal(text, (await client.completions.create({ model: "m", prompt: "Hi there" })).choices[0].text);
  const response = await client.responses.stream({ model: "m", input: "Hi there" }).finalResponse();
  assert.equal(response.output_text, (await client.responses.create({ model: "m", input: "Hi there" })).output_text);
  const vectors = await client.embeddings.create({ model: "m", input: ["a", "b"], dimensions: 8 });
  assert.deepEqual(vectors.data.map((one) => one.embedding.length), [8, 8]);
  const { results } = await client.moderations.create({ input: ["kill", "kiss"] });
  assert.deepEqual(results.map((one) => one.flagged), [true, false]);
  await assert.rejects(client.chat.completions.create({ model: "m", messages, temperature: 9 }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, "temperature");
    assert.ok(error.requestID);
    return true;
  });
}

await filesAndBatches();
await pages();
await cancelled();
await uploads();
await live();
