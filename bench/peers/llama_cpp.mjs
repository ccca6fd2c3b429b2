// llama.cpp through its npm package: one round of measurements, one JSON object on standard output.
//
//   node llama_cpp.mjs '{"gguf": PATH, "threads": 2, "prompt": [ids], "cached": 200, "answer": 8,
//                        "repeats": 1, "package": PATH of node-llama-cpp's index.js}'
//
// The clock starts at the model's file: Node, and the package's search for the right library of
// llama.cpp, are not what is measured.
import {readFileSync} from "node:fs";

const job = JSON.parse(process.argv[2]);
const {getLlama, LlamaLogLevel} = await import(job.package);
const seconds = () => performance.now() / 1000;

const status = () => {
  const text = readFileSync("/proc/self/status", "utf8");
  const bytes = (key) => 1024 * Number(text.match(new RegExp(`${key}:\\s+(\\d+)`))[1]);
  return {resident: bytes("VmRSS"), peak: bytes("VmHWM")};
};

// The names of the CPU variant's library, as the package chose it for this processor.
const variant = () => {
  const loaded = readFileSync("/proc/self/maps", "utf8").match(/libggml-cpu-(\w+)\.so/);
  return loaded === null ? "unknown" : loaded[1];
};

// Greedy; yields the time at which each of `count` tokens was there.
async function generate(sequence, tokens, count) {
  const ids = [], times = [];
  const began = seconds();
  for await (const token of sequence.evaluate(tokens, {temperature: 0, yieldEogToken: true})) {
    times.push(seconds() - began);
    ids.push(token);
    if (ids.length === count) break;
  }
  if (ids.length !== count) throw new Error(`only ${ids.length} of ${count} tokens came`);
  return {ids, times};
}

const llama = await getLlama({gpu: false, build: "never", skipDownload: true, progressLogs: false,
                              logLevel: LlamaLogLevel.error, maxThreads: job.threads});
const nothingLoaded = status().resident;
const start = seconds();
const model = await llama.loadModel({modelPath: job.gguf, useMmap: true});
const context = await model.createContext({
  contextSize: 512, batchSize: 512, sequences: 1, flashAttention: job.flash ?? true,
  threads: {ideal: job.threads, min: job.threads}});
const ready = seconds() - start;
const sequence = context.getSequence();
await generate(sequence, job.prompt.slice(0, 1), 1);
const firstToken = seconds() - start;

await sequence.clearHistory();
const prefix = job.prompt.slice(0, job.cached);
const rest = job.prompt.slice(job.cached);
await sequence.evaluateWithoutGeneratingNewTokens(prefix);
const rounds = [];
let answer = [];
for (let i = 0; i < job.repeats; ++i) {
  const {ids, times} = await generate(sequence, rest, job.answer);
  // The first token comes from the prompt's pass, each other from a pass of its own.
  const passes = times.slice(1).map((time, index) => time - times[index]);
  rounds.push({prefill_seconds: times[0], decode_seconds: passes,
               answer_seconds: times[times.length - 1]});
  answer = ids;
  await sequence.eraseContextTokenRanges([{start: job.cached, end: sequence.nextTokenIndex}]);
}
const memory = status();
console.log(JSON.stringify({
  engine: "llama.cpp", release: llama.llamaCppRelease.release, variant: variant(),
  threads: context.currentThreads, flash_attention: context.flashAttention,
  ready_seconds: ready, first_token_seconds: firstToken,
  resident_bytes: memory.resident, peak_resident_bytes: memory.peak,
  resident_bytes_before: nothingLoaded, answer_token_ids: answer, rounds}));
process.exit(0);
