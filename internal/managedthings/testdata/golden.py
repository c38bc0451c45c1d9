"""Writes golden.json: UpdateManagedThing requests as botocore makes and signs them.

Path, host and body come from botocore's own client of the service, the signature
from its SigV4. The time is where Go's virtual clock starts; Content-Length is
signed too, as the SDK for Go does. Run: python3 golden.py > golden.json
"""
import datetime
import json
import sys

import botocore.auth
import botocore.session
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials

NOW = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

CASES = [
    ("a1b2c3", "eu-west-1", "", False, {"Name": "Hall light"}),
    ("a:b", "eu-west-1", "", False, {"Name": "x"}),
    ("urn:thing_1-Z:0", "ca-central-1", "a-session-token/with+signs==", False, {"MetaData": {"room": "hall"}, "Owner": "me"}),
    ("A-Za-z0-9._~", "me-central-1", "", False, {"HubNetworkMode": "STANDARD"}),
    ("a/b c?d#e%f+g=h&i@j!k*l", "eu-west-1", "", False, {"Name": "x"}),
    ("dün-類", "eu-west-1", "", False, {"Name": "Flurlicht überall 類"}),
    ("f1", "ca-central-1", "", True, {"Brand": "b", "Model": "m", "SerialNumber": "s 1", "Classification": "c"}),
    ("f2", "eu-west-1", "", False, {}),
]


class Nothing:
    """An answer without a body."""

    def stream(self):
        return []


botocore.auth.get_current_datetime = lambda remove_tzinfo=True: NOW.replace(tzinfo=None) if remove_tzinfo else NOW
out = []
for identifier, region, token, fips, members in CASES:
    credentials = Credentials(KEY, SECRET, token or None)
    client = botocore.session.get_session().create_client(
        "iot-managed-integrations", region_name=region, aws_access_key_id=KEY, aws_secret_access_key=SECRET,
        aws_session_token=token or None, config=Config(use_fips_endpoint=fips))
    sent = []

    def catch(request, **_):
        sent.append(request)
        return AWSResponse(request.url, 204, {}, Nothing())

    client.meta.events.register("before-send.*.UpdateManagedThing", catch)
    client.update_managed_thing(Identifier=identifier, **members)
    theirs = sent[0]
    raw = [[k, json.dumps(v, separators=(",", ":"), ensure_ascii=False)] for k, v in members.items()]
    body = "{" + ",".join('"%s":%s' % (k, v) for k, v in raw) + "}"
    assert json.loads(body) == json.loads(theirs.body), (body, theirs.body)
    assert theirs.method == "PUT" and theirs.headers["Content-Type"] == b"application/json", dict(theirs.headers)

    request = AWSRequest("PUT", theirs.url, data=body.encode(), headers={
        "Content-Type": "application/json", "Content-Length": str(len(body.encode()))})
    auth = botocore.auth.SigV4Auth(credentials, "iotmanagedintegrations", region)
    auth.add_auth(request)
    assert request.headers["X-Amz-Date"] == "20000101T000000Z", request.headers["X-Amz-Date"]
    out.append({
        "identifier": identifier, "region": region, "token": token, "fips": fips, "members": raw,
        "url": theirs.url, "body": body, "contentType": request.headers["Content-Type"],
        "date": request.headers["X-Amz-Date"], "authorization": request.headers["Authorization"],
    })
json.dump({"key": KEY, "secret": SECRET, "requests": out}, sys.stdout, indent=1, ensure_ascii=False)
print()
