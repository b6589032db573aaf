// The tester of the specification: run, connectivity, benchmark, consistency, under its own names for results.
// What a server says becomes text, never HTML, and a figure that cannot be had is 0, never NaN.

const SECONDS = 60;
const NO_REASON = "the server gave no reason";

const byId = (id) => document.getElementById(id);
const finite = (value) => (typeof value === "number" && Number.isFinite(value) ? value : 0);
const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : 0);
const list = (value) => (Array.isArray(value) ? value : []);

// Ask once; a failure of any kind is a result with an error.
async function run(signal) {
  const begin = performance.now();
  const outcome = { success: false, error: null, responseTime: 0, inferenceTime: 0, batchSize: 0, predictions: [], successRate: 0 };
  try {
    const key = byId("key").value;
    const response = await fetch("/examples/batch", {
      method: "POST",
      headers: { "content-type": "application/json", ...(key ? { "x-api-key": key } : {}) },
      body: "{}",
      signal: AbortSignal.any([signal, AbortSignal.timeout(SECONDS * 1000)]),
    });
    const text = await response.text();
    outcome.responseTime = performance.now() - begin;
    readAnswer(outcome, response.status, text);
  } catch (error) {
    outcome.responseTime = performance.now() - begin;
    outcome.error = error.name === "TimeoutError" ? `no whole answer within ${SECONDS} s` : String(error.message || error.name);
  }
  return outcome;
}

// Read the documented answer and the one that old servers really send.
function readAnswer(outcome, status, text) {
  let body = null;
  try {
    body = JSON.parse(text);
  } catch {
    outcome.error = status < 400 ? "the answer is not JSON" : `HTTP ${status}: ${text.slice(0, 300)}`;
    return;
  }
  const inner = body && typeof body.response === "object" && body.response !== null ? body.response : body || {};
  const info = inner.batch_info || {};
  outcome.predictions = list(inner.predictions ?? inner.results);
  outcome.batchSize = finite(info.batch_size ?? inner.batch_size ?? body?.input_count) || outcome.predictions.length;
  const good = outcome.predictions.filter((one) => one !== null && !(typeof one === "object" && "error" in one)).length;
  outcome.successRate = outcome.batchSize ? (finite(info.successful_predictions ?? good) / outcome.batchSize) * 100 : 0;
  outcome.inferenceTime = finite(inner.inference_time_ms ?? finite(inner.processing_time) * 1000);
  outcome.success = status < 400 && Boolean(inner.success) && !body.error;
  if (!outcome.success) {
    const said = inner.error || body?.error || body?.detail || NO_REASON;
    const words = typeof said === "string" ? said : said.message || JSON.stringify(said);
    outcome.error = status < 400 ? words : `HTTP ${status}: ${words}`;
  }
}

// Ask again and again, one after the other, until it is enough or somebody stops it.
async function runs(count, signal) {
  const results = [];
  for (let at = 0; at < count && !signal.aborted; at += 1) {
    const outcome = await run(signal);
    if (signal.aborted) break;
    results.push(outcome);
    progress(at + 1, count);
  }
  return results;
}

function benchmarkOf(results) {
  const good = results.filter((one) => one.success);
  return {
    iterations: results.length,
    successful: good.length,
    failed: results.length - good.length,
    successRate: results.length ? (good.length / results.length) * 100 : 0,
    totalTime: results.reduce((sum, one) => sum + one.responseTime, 0),
    avgResponseTime: mean(good.map((one) => one.responseTime)),
    avgInferenceTime: mean(good.map((one) => one.inferenceTime)),
    avgBatchSize: mean(good.map((one) => one.batchSize)),
    totalPredictions: good.reduce((sum, one) => sum + one.predictions.length, 0),
    results,
  };
}

function consistencyOf(results) {
  const good = results.filter((one) => one.success);
  const facts = { totalRuns: results.length, successfulRuns: good.length, results };
  if (!good.length) return { ...facts, error: "No successful batches to analyze" };
  const texts = good.map((one) => JSON.stringify(one.predictions));
  const lengths = good.map((one) => one.predictions.length);
  const times = good.map((one) => one.inferenceTime);
  return {
    ...facts,
    consistency: {
      predictionLengthConsistent: new Set(lengths).size === 1,
      avgPredictionLength: mean(lengths),
      deterministic: texts.every((text) => text === texts[0]),
      avgSuccessRate: mean(good.map((one) => one.successRate)),
      avgInferenceTime: mean(times),
      inferenceTimeVariation: Math.max(...times) - Math.min(...times),
    },
  };
}

// --- the page ---

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function table(rows) {
  const made = element("table");
  for (const [name, value, className] of rows) {
    const row = made.insertRow();
    const head = element("th", name);
    head.scope = "row";
    row.append(head, element("td", value, className));
  }
  return made;
}

// One bar for each run, the slowest over the whole width.
function bars(results) {
  const made = element("div", undefined, "bars");
  const slowest = Math.max(...results.map((one) => one.responseTime), 0.001);
  results.forEach((one, at) => {
    const meter = element("meter", `${one.responseTime.toFixed(1)} ms`);
    meter.max = slowest;
    meter.value = one.responseTime;
    meter.title = one.success ? `${one.responseTime.toFixed(1)} ms` : `failed: ${one.error}`;
    if (!one.success) Object.assign(meter, { low: 0, high: 0, optimum: 0 });
    meter.setAttribute("aria-label", `run ${at + 1}: ${meter.title}`);
    made.append(element("span", String(at + 1)), meter);
  });
  return made;
}

function errors(results) {
  const counts = new Map();
  for (const one of results) if (!one.success) counts.set(one.error, (counts.get(one.error) || 0) + 1);
  return [...counts].slice(0, 20).map(([reason, count]) => [`${count} failed`, String(reason).slice(0, 500), "bad"]);
}

function show(title, rows, results = []) {
  const parts = [element("h2", title), table([...rows, ...errors(results)])];
  if (results.length > 1) parts.push(element("h2", "Response times, run by run"), bars(results));
  byId("results").replaceChildren(...parts);
}

function progress(done, count) {
  const bar = byId("progress");
  bar.max = count;
  bar.value = done;
  byId("status").textContent = `${done} of ${count} runs`;
}

const ms = (value) => `${value.toFixed(1)} ms`;
const percent = (value) => `${value.toFixed(1)} %`;
const yes = (value) => (value ? "yes" : "no");

const TESTS = {
  async connectivity(signal) {
    const one = await run(signal);
    if (signal.aborted) return;
    show("Connectivity", [
      ["Connected", yes(one.success), one.success ? "good" : "bad"],
      ["Response time", ms(one.responseTime)],
      ["Batch size", String(one.batchSize)],
    ], [one]);
  },
  async benchmark(signal, count) {
    const found = benchmarkOf(await runs(count, signal));
    show("Benchmark", [
      ["Iterations", String(found.iterations)],
      ["Successful", String(found.successful)],
      ["Failed", String(found.failed), found.failed ? "bad" : ""],
      ["Success rate", percent(found.successRate)],
      ["Total time", ms(found.totalTime)],
      ["Average response time", ms(found.avgResponseTime)],
      ["Average inference time", ms(found.avgInferenceTime)],
      ["Average batch size", found.avgBatchSize.toFixed(1)],
      ["Total predictions", String(found.totalPredictions)],
    ], found.results);
  },
  async consistency(signal, count) {
    const found = consistencyOf(await runs(count, signal));
    const one = found.consistency;
    const rows = [["Total runs", String(found.totalRuns)], ["Successful runs", String(found.successfulRuns)]];
    if (one) {
      rows.push(
        ["Deterministic", yes(one.deterministic), one.deterministic ? "good" : "bad"],
        ["Same length", yes(one.predictionLengthConsistent)],
        ["Average length", one.avgPredictionLength.toFixed(1)],
        ["Average success rate", percent(one.avgSuccessRate)],
        ["Average inference time", ms(one.avgInferenceTime)],
        ["Variation of inference time", ms(one.inferenceTimeVariation)],
      );
    } else {
      rows.push(["Error", found.error, "bad"]);
    }
    show("Consistency", rows, found.results);
  },
};

let stopping = null;

async function start(name) {
  const field = byId("iterations");
  if (!field.reportValidity()) return;
  stopping = new AbortController();
  busy(true);
  byId("status").textContent = "Running…";
  try {
    await TESTS[name](stopping.signal, Number(field.value));
    byId("status").textContent = stopping.signal.aborted ? "Stopped." : "Done.";
  } finally {
    busy(false);
  }
}

function busy(is) {
  for (const name of Object.keys(TESTS)) byId(name).disabled = is;
  byId("stop").disabled = !is;
  byId("progress").hidden = !is;
  byId("progress").value = 0;
}

for (const name of Object.keys(TESTS)) byId(name).addEventListener("click", () => start(name));
byId("stop").addEventListener("click", () => stopping.abort());
byId("settings").addEventListener("submit", (event) => event.preventDefault());
