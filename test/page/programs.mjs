// The project's own programs, as a person starts them.
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createHash, createHmac } from "node:crypto";
import assert from "node:assert/strict";

const bin = (name) => new URL(`../../bin/${name}`, import.meta.url).pathname;

// start runs a program until the test ends; said is what it wrote.
function start(t, name, args, env) {
  const child = spawn(bin(name), args, { env: { PATH: process.env.PATH, HOME: "/nonexistent", ...env } });
  const program = { said: "", child, ended: new Promise((done) => { child.on("close", done); child.on("error", done); }) };
  for (const out of [child.stdout, child.stderr]) out.on("data", (text) => { program.said += text; });
  program.stop = async (signal = "SIGTERM") => {
    child.kill(signal);
    await program.ended;
  };
  t.after(() => program.stop("SIGKILL"));
  return program;
}

// tell waits for what a program says.
async function tell(program, what) {
  for (let tries = 0; tries < 300; tries++) {
    const found = program.said.match(what);
    if (found) return found[1];
    await sleep(100);
  }
  throw new Error(`it did not say ${what}:\n${program.said}`);
}

export async function freePort() {
  const server = createServer();
  await new Promise((done) => { server.listen(0, "127.0.0.1", done); });
  const { port } = server.address();
  await new Promise((done) => { server.close(done); });
  return port;
}

// demo is what make run runs: a cloud, a fleet and a worker.
export async function demo(t, args) {
  const program = start(t, "demo", ["--worker", bin("worker"), "--addr", "127.0.0.1:0", ...args]);
  const page = `${await tell(program, /live page\s+(http:\S+)/)}`;
  const cloud = await tell(program, /local cloud\s+(http:\S+)/);
  // The worker is the demo's child: killed hard, the demo would leave it behind.
  t.after(async () => { program.child.kill("SIGINT"); await Promise.race([program.ended, sleep(40_000)]); });
  await up(page, program);
  return { page, cloud };
}

// up waits until a worker answers.
export async function up(address, program) {
  for (let tries = 0; ; tries++) {
    try {
      await fetch(`${address}healthz`);
      return;
    } catch (e) {
      if (tries > 200) throw new Error(`nobody answers:\n${program.said}`, { cause: e });
      await sleep(50);
    }
  }
}

// faults sets what share of the API's calls fails.
export async function faults(cloud, unavailable) {
  const answer = await fetch(`${cloud}/_cloud/faults`, { method: "POST", body: JSON.stringify({ api: { unavailable } }) });
  assert.equal(answer.status, 200);
}

// cloud is a local cloud with a queue.
export async function cloud(t, ...args) {
  const program = start(t, "localcloud", ["--addr", "127.0.0.1:0", "--queue", "updates", ...args]);
  const queue = await tell(program, /WORKER_QUEUE_URL=(\S+)/);
  return { base: new URL(queue).origin, queue };
}

// worker runs the worker on a cloud, on an admin port of the caller's choice.
export function worker(t, { base, queue }, port, env = {}) {
  return start(t, "worker", ["run"], {
    AWS_ACCESS_KEY_ID: "AKIDLOCAL", AWS_SECRET_ACCESS_KEY: "local-secret", AWS_REGION: "eu-west-1",
    AWS_ENDPOINT_URL_SQS: base, AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS: base,
    AWS_CONFIG_FILE: "/dev/null", AWS_SHARED_CREDENTIALS_FILE: "/dev/null", AWS_EC2_METADATA_DISABLED: "true",
    WORKER_QUEUE_URL: queue, WORKER_ADMIN_ADDR: `127.0.0.1:${port}`, WORKER_WAIT_TIME: "1s", ...env,
  });
}

// send puts ten messages in the queue, signed as AWS asks (Signature Version 4).
export async function send({ base, queue }, bodies) {
  const hash = (text) => createHash("sha256").update(text).digest("hex");
  const mac = (key, text) => createHmac("sha256", key).update(text).digest();
  const body = JSON.stringify({ QueueUrl: queue, Entries: bodies.map((b, i) => ({ Id: `m${i}`, MessageBody: JSON.stringify(b) })) });
  const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, "");
  const scope = `${date.slice(0, 8)}/eu-west-1/sqs/aws4_request`;
  const headers = { "content-type": "application/x-amz-json-1.0", host: new URL(base).host, "x-amz-date": date, "x-amz-target": "AmazonSQS.SendMessageBatch" };
  const signed = Object.keys(headers).join(";");
  const request = ["POST", "/", "", ...Object.entries(headers).map(([k, v]) => `${k}:${v}`), "", signed, hash(body)].join("\n");
  const key = scope.split("/").reduce((k, part) => mac(k, part), "AWS4local-secret");
  const signature = createHmac("sha256", key).update(["AWS4-HMAC-SHA256", date, scope, hash(request)].join("\n")).digest("hex");
  const { host, ...rest } = headers;
  const answer = await fetch(base, {
    method: "POST", body,
    headers: { ...rest, authorization: `AWS4-HMAC-SHA256 Credential=AKIDLOCAL/${scope}, SignedHeaders=${signed}, Signature=${signature}` },
  });
  assert.equal(answer.status, 200, await answer.text());
}

// feed sends messages for a few things until the test ends.
export function feed(t, to, perSecond = 40) {
  let n = 0;
  const timer = setInterval(() => {
    const bodies = Array.from({ length: 10 }, () => ({ Identifier: `thing-${(n++ * 7) % 23}`, Name: `name ${n}` }));
    send(to, bodies).catch(() => {}); // the cloud ends before the timer does
  }, 10_000 / perSecond);
  t.after(() => clearInterval(timer));
}
