"""The worker, started as the task definition says, on the queues and the table of a stack."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

PATIENCE = 60  # seconds, for each thing that is waited for


def applies_a_message(bin_dir, account, made, standing):
    """Sends a message to the stack's queue and waits until a worker with the task
    definition's environment and command has applied it and recorded that, says it is
    healthy by the task definition's own check, and has stopped. Returns how long that
    last took, in seconds."""
    container = standing["task"]["containers"]["worker"]
    with _Cloud(os.path.join(bin_dir, "localcloud")) as cloud:
        env = _environment(account, cloud, container)
        worker = [os.path.join(bin_dir, "worker")]
        _settings_are_the_workers(worker, env)
        account.client("sqs").send_message(QueueUrl=made["Queue"], MessageBody='{"Identifier": "lamp", "Name": "Hall light"}')
        process = subprocess.Popen([*worker, "run"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        log = []
        reader = threading.Thread(target=lambda: log.extend(process.stderr), daemon=True)
        reader.start()
        try:
            _until("the message is applied", lambda: cloud.name_of("lamp") == "Hall light", log)
            _until("the queue is empty", lambda: _messages(account, made["Queue"]) == 0, log)
            check = subprocess.run(
                [*worker, *container["healthCheck"]["command"][2:]], env=env, timeout=container["healthCheck"]["timeout"], capture_output=True
            )
            assert check.returncode == 0, f"the health check of the task definition fails on a worker that works: {check.stderr}"
            items = account.client("dynamodb").scan(TableName=made["Table"])["Items"]
            assert [i["thing"]["S"] for i in items] == ["lamp"], f"the records are {items}"
            assert standing["table"]["time to live"] in items[0], "a record has nothing by which the table lets it expire"
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            assert process.wait(container["stopTimeout"]) == 0, "".join(log)
        finally:
            process.kill()
            process.wait()
            reader.join(PATIENCE)
        assert '"stranded":0' in log[-1], log[-1]
        return time.monotonic() - began


def doctor_finds_nothing(bin_dir, account, made, standing):
    """Fails where worker doctor finds something wrong with the stack."""
    # moto makes the table without what the template says of its time to live.
    account.client("dynamodb").update_time_to_live(
        TableName=made["Table"], TimeToLiveSpecification={"AttributeName": standing["table"]["time to live"], "Enabled": True}
    )
    with _Cloud(os.path.join(bin_dir, "localcloud")) as cloud:
        env = _environment(account, cloud, standing["task"]["containers"]["worker"])
        out = subprocess.run([os.path.join(bin_dir, "worker"), "doctor"], env=env, capture_output=True, text=True, timeout=PATIENCE)
    assert out.returncode == 0, f"worker doctor finds something wrong with the stack:\n{out.stdout}{out.stderr}"


def _environment(account, cloud, container):
    return container["environment"] | {
        "AWS_ACCESS_KEY_ID": "AKIDLOCAL",
        "AWS_SECRET_ACCESS_KEY": "local-secret",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": account.url,
        "AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS": cloud.url,
        "WORKER_ADMIN_ADDR": f"127.0.0.1:{_free_port()}",  # the machine has other uses for 8080
        "ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:1",  # by which the worker knows where it is
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "HOME": os.devnull,
    }


def has_command(bin_dir, name):
    out = subprocess.run([os.path.join(bin_dir, "worker"), "help"], capture_output=True, text=True, check=True)
    return re.search(rf"^ +{name} ", out.stdout, re.M) is not None


def config(bin_dir):
    """The worker's settings as worker config prints them, in JSON."""
    out = subprocess.run(
        [os.path.join(bin_dir, "worker"), "config", "--json"],
        env={"WORKER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/q"}, capture_output=True, text=True, check=True,
    )
    return out.stdout


def defaults_are(bin_dir, wanted):
    """Fails where the worker's defaults are not those that the rules go by."""
    got = {v["name"]: v["value"] for v in json.loads(config(bin_dir))}
    for name, value in wanted.items():
        assert got[name] == value, f"{name} is {got[name]}, and the rules think it is {value}"


def _settings_are_the_workers(worker, env):
    out = subprocess.run([*worker, "config"], env=env, capture_output=True, text=True)
    assert out.returncode == 0 and not out.stderr, f"worker config does not take the task definition's settings: {out.stderr}"


def _messages(account, url):
    a = account.queue(url)
    return int(a["ApproximateNumberOfMessages"]) + int(a["ApproximateNumberOfMessagesNotVisible"])


def _until(what, true, log):
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"not within {PATIENCE} s: {what}\n{''.join(log)}"
        time.sleep(0.05)


def _free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class _Cloud:
    """The local cloud, for its UpdateManagedThing."""

    def __init__(self, program):
        self.url = f"http://127.0.0.1:{_free_port()}"
        self.process = subprocess.Popen(
            [program, "--addr", self.url.removeprefix("http://")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def __enter__(self):
        _until("the local cloud listens", self._listens, [])
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def _listens(self):
        try:
            self._get("/_cloud/")
        except OSError:
            return False
        return True

    def name_of(self, thing):
        try:
            return json.loads(self._get("/_cloud/things/" + thing)).get("Name")
        except urllib.error.HTTPError:
            return None

    def _get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return answer.read()
