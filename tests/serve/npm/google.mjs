// The official Gemini client for JavaScript: the life of batches, by file and inline, and the live methods.
// node google.mjs URL [PACKAGE]; it ends with an error where something is not as the client expects it.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const [url, name = "@google/genai"] = process.argv.slice(2);
const { GoogleGenAI } = await import(name);
const model = "gemini-2.0-flash-001";
const client = new GoogleGenAI({ apiKey: "AIza-any", httpOptions: { baseUrl: url } });
const directory = mkdtempSync(join(tmpdir(), "google-"));

async function ended(name) {
  for (let tries = 0; tries < 800; tries++) {
    const job = await client.batches.get({ name });
    if (!["JOB_STATE_PENDING", "JOB_STATE_RUNNING"].includes(job.state)) return job;
    await pause(50);
  }
  throw new Error(`${name} does not end`);
}

try {
  const source = join(directory, "requests.jsonl");
  const keys = ["a", "b", "c"];
  const lines = keys.map((key) => ({ key, request: { contents: [{ parts: [{ text: `Hello ${key}` }] }] } }));
  writeFileSync(source, lines.map((line) => JSON.stringify(line) + "\n").join(""));

  const file = await client.files.upload({ file: source, config: { mimeType: "application/jsonl" } });
  assert.equal((await client.files.get({ name: file.name })).state, "ACTIVE");
  const created = await client.batches.create({ model, src: file.name, config: { displayName: "by file" } });
  const byFile = await ended(created.name);
  assert.equal(byFile.state, "JOB_STATE_SUCCEEDED");
  const target = join(directory, "results.jsonl");
  await client.files.download({ file: byFile.dest.fileName, downloadPath: target });
  for (let tries = 0; tries < 100 && !readFileSync(target, { flag: "a+" }).length; tries++) await pause(50);
  const rows = readFileSync(target, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
  assert.deepEqual(rows.map((row) => row.key), keys);

  const inline = keys.map((key) => ({ contents: [{ role: "user", parts: [{ text: key }] }], metadata: { key } }));
  const byInline = await ended((await client.batches.create({ model, src: inline })).name);
  assert.deepEqual(byInline.dest.inlinedResponses.map((each) => each.response.candidates[0].finishReason), ["STOP", "STOP", "STOP"]);

  const names = [];
  for await (const job of await client.batches.list({ config: { pageSize: 1 } })) names.push(job.name);
  assert.ok(names.includes(byFile.name) && names.includes(byInline.name));
  await client.batches.cancel({ name: byInline.name });
  await client.batches.delete({ name: byFile.name });
  await client.files.delete({ name: file.name });

  const whole = await client.models.generateContent({ model, contents: "Hello there" });
  let streamed = "";
  for await (const part of await client.models.generateContentStream({ model, contents: "Hello there" })) streamed += part.text;
  assert.equal(streamed, whole.text);
  const embedded = await client.models.embedContent({ model: "gemini-embedding-001", contents: ["a", "b"], config: { outputDimensionality: 3 } });
  assert.deepEqual(embedded.embeddings.map((each) => each.values.length), [3, 3]);
  assert.ok((await client.models.countTokens({ model, contents: "Hello there" })).totalTokens > 0);
} finally {
  rmSync(directory, { recursive: true });
}
