// An OpenAI-compatible server for one local GGUF model, for `make test-llm`: node server.mjs MODEL.gguf PORT
// node-llama-cpp is resolved from the working directory, where the Makefile installs it.
import http from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const found = createRequire(pathToFileURL(`${process.cwd()}/`)).resolve("node-llama-cpp");
const { getLlama, LlamaChatSession } = await import(pathToFileURL(found));
const [, , file, port] = process.argv;
const llama = await getLlama({ gpu: false, build: "never", skipDownload: true });
const model = await llama.loadModel({ modelPath: file });
const context = await model.createContext({ contextSize: 8192, threads: 1 });
const sequence = context.getSequence();
let last = Promise.resolve();

async function completed(asked) {
  await sequence.clearHistory();
  const of = (role) => asked.messages.filter((m) => m.role === role).map((m) => m.content).join("\n");
  const session = new LlamaChatSession({ contextSequence: sequence, systemPrompt: of("system") });
  const grammar = await llama.createGrammarForJsonSchema(asked.response_format.json_schema.schema);
  const limit = asked.max_completion_tokens;
  let tokens = 0;
  const content = await session.prompt(of("user"), {
    grammar, maxTokens: limit, temperature: 0, onToken: (more) => { tokens += more.length; },
  });
  session.dispose();
  const message = { role: "assistant", content, refusal: null };
  const choice = { index: 0, finish_reason: tokens >= limit ? "length" : "stop", message };
  const usage = { prompt_tokens: 0, completion_tokens: tokens, total_tokens: tokens };
  return { id: "c", object: "chat.completion", created: 1, model: asked.model, choices: [choice], usage };
}

http.createServer((request, response) => {
  let body = "";
  request.on("data", (more) => { body += more; });
  request.on("end", () => {
    const send = (status, value) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(value));
    };
    if (!request.url.endsWith("/chat/completions")) return send(404, { error: { message: "not found" } });
    last = last.then(async () => {
      try { send(200, await completed(JSON.parse(body))); }
      catch (error) { send(500, { error: { message: String(error) } }); }
    });
  });
}).listen(Number(port), "127.0.0.1");
