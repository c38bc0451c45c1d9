package awserror

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// entry is what codes are about, and what a person must change. In fix, {permission}
// and {setting} stand for those of the request.
type entry struct {
	who   string // gave the code; empty: anybody
	kind  Kind
	fix   string
	codes []string // without "Exception"; none: all
}

const (
	grant    = "give the worker's role {permission}, and see that no Deny and no policy of the queue or its VPC endpoint forbids it"
	newKeys  = "renew the credentials, or check the keys, AWS_PROFILE or the role; that AWS_REGION is meant; and the clock"
	setClock = "set the clock by NTP: chronyc makestep, or timedatectl set-ntp true (on AWS the time server is 169.254.169.123)"
	checkURL = "check {setting}, and that AWS_REGION and the account are the queue's own"
	reachSQS = "let the worker's subnet and security group reach SQS (a NAT gateway, or its VPC endpoint); check AWS_ENDPOINT_URL_SQS, AWS_USE_FIPS_ENDPOINT and HTTPS_PROXY"
	theToken = "the token in AWS_WEB_IDENTITY_TOKEN_FILE is not accepted: see that IAM has the cluster's OIDC provider, and its audience"
	theRole  = "see that the role in AWS_ROLE_ARN (or of AWS_PROFILE) exists, and that its trust policy allows this service account or caller"
	signIn   = "sign in again: aws sso login"
)

// table is all that is known of AWS's codes. From the common errors of AWS APIs, the
// models of SQS and STS, and what SQS passes on of KMS.
var table = []entry{
	{"KMS", NoKey, "allow the worker's role kms:Decrypt, and for the dead-letter queue kms:GenerateDataKey too, on the queue's key: in the role's policy and in the key's", []string{"AccessDenied"}},
	{"KMS", NoKey, "enable the queue's key", []string{"Disabled"}},
	{"KMS", NoKey, "enable the queue's key, or cancel its deletion", []string{"InvalidState"}},
	{"KMS", NoKey, "give the queue a key that exists, in its own Region and account", []string{"NotFound"}},
	{"KMS", NoKey, "give the queue a symmetric key for encryption", []string{"InvalidKeyUsage"}},
	{"KMS", NoKey, "the account has not opted in to KMS in this Region", []string{"OptInRequired"}},
	{"KMS", Throttled, "let the queue reuse its data key for longer (KmsDataKeyReusePeriodSeconds), or ask for a higher quota of KMS", []string{"Throttled", "Throttling"}},

	{"STS", NoCredentials, theRole, []string{"AccessDenied", "MalformedPolicyDocument"}},
	{"STS", NoCredentials, theToken, []string{"InvalidIdentityToken", "ExpiredToken", "IDPRejectedClaim"}},
	{"STS", NoCredentials, "STS cannot reach the cluster's OIDC provider: see that its issuer's URL is public", []string{"IDPCommunicationError"}},
	{"STS", NoCredentials, "activate STS in this Region in the account's settings", []string{"RegionDisabled"}},
	{"STS", NoCredentials, "make the session's policies and tags smaller", []string{"PackedPolicyTooLarge"}},
	{"STS", NoCredentials, "check AWS_ROLE_ARN: STS does not take it as a role", []string{"ValidationError"}},
	{"STS", NoCredentials, "let the worker reach STS: by a NAT gateway, or the VPC endpoint of STS", []string{"timeout", "no_credentials"}},

	{"SSO", NoCredentials, signIn, nil},
	{"SSO OIDC", NoCredentials, signIn, nil},
	{"Signin", NoCredentials, "sign in again: aws login", nil},
	{"ec2imds", NoCredentials, "give the instance a role, and a metadata hop limit of 2 where the worker runs in a container; a task or pod has a role of its own " +
		"(ECS task role, EKS Pod Identity, IRSA); elsewhere set AWS_PROFILE or keys", nil},

	{"", Denied, grant, []string{"AccessDenied"}},
	{"", BadCredentials, newKeys, []string{
		"InvalidClientTokenId", "UnrecognizedClient", "SignatureDoesNotMatch", "InvalidSignature", "AuthFailure",
		"ExpiredToken", "RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed",
		"IncompleteSignature", "MissingAuthenticationToken", "InvalidSecurity", "InvalidAccessKeyId",
	}},
	{"", BadCredentials, "the account has not opted in to this service or Region: see the AWS Billing console", []string{"OptInRequired"}},
	{"", NoQueue, checkURL, []string{"NonExistentQueue", "QueueDoesNotExist"}},
	{"", NoQueue, "wait a minute: SQS takes a deleted queue's name again after 60 s", []string{"QueueDeletedRecently"}},
	{"", NoQueueURL, "give {setting} the queue's URL as SQS shows it", []string{"InvalidAddress", "InvalidParameterValue", "UnsupportedOperation"}},
	{"", Other, "about 120,000 messages of the queue are in flight, which is SQS's limit: see who receives and does not delete", []string{"OverLimit"}},
}

// byKind says who kept a request from being answered, and what a person must change if
// the code has no advice of its own.
var byKind = map[Kind]struct{ what, fix string }{
	Denied:         {what: "{who} denies {action}"},
	NoKey:          {what: "KMS does not let the worker use the queue's key"},
	BadCredentials: {what: "{who} does not accept the worker's credentials"},
	SkewedClock:    {"{who} does not accept the signature: the clock of this machine is {off} AWS's", setClock},
	NoCredentials:  {"{who} gives the worker no credentials", "attach a role to the task, pod or instance (ECS task role, EKS Pod Identity, IRSA), and see that its agent answers; or set AWS_PROFILE or keys"},
	NoQueue:        {what: "the queue does not exist"},
	NoQueueURL:     {what: "{who} does not take the queue's URL"},
	Throttled:      {"{who} throttles {action}", "wait: it is tried again, more slowly"},
	Trouble:        {"{who} is in trouble", "wait: it is tried again; if it stays so, see the AWS Health Dashboard"},
	NoAnswer:       {"{who} gives no answer", reachSQS},
	InBetween:      {"not {who} but something in between answers (a proxy, a login page, an emulator)", "check AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL, HTTPS_PROXY and NO_PROXY"},
	Other:          {"{action} fails", "see the error's own words"},
}

// contents are the codes by which SQS refuses what a message carries, its size above all.
var contents = map[string]bool{
	"BatchRequestTooLong": true, "InvalidMessageContents": true, "InvalidAttributeValue": true,
	"InvalidParameterValue": true, "MissingParameter": true,
}

// RefusesContents reports whether SQS refuses a message by code for what it carries. If
// it was not asked to take a message, the code may mean something else.
func RefusesContents(code string) bool { return contents[bare(code)] }

// refusesContents is RefusesContents, if r was to send a message.
func (c Cause) refusesContents(r Request) bool {
	return strings.HasPrefix(r.Action, "SendMessage") && RefusesContents(c.Code)
}

// entry is what the table has of a cause's code: those that say who gave it come first.
func (c Cause) entry() entry {
	code := bare(c.Code)
	for _, e := range table {
		if (e.who == c.Who || e.who == "") && (e.codes == nil || slices.Contains(e.codes, code)) {
			return e
		}
	}
	return entry{kind: Other}
}

// Request is what was asked, for the advice.
type Request struct {
	Action     string // ReceiveMessage
	Permission string // "sqs:ReceiveMessage on the source queue"
	Setting    string // that names the queue
}

// What says who kept the request from being answered.
func (c Cause) What(r Request) string {
	who := cmp.Or(c.Who, "AWS")
	if c.Kind == NoCredentials {
		who = cmp.Or(sources[c.Who], who)
	}
	switch {
	case c.refusesContents(r):
		return "SQS does not take a message for what it carries"
	case c.Kind == NoCredentials && c.Who == "":
		return "there are no AWS credentials"
	case c.Kind == NoAnswer && c.Code == "proxy":
		return "the proxy (HTTPS_PROXY, HTTP_PROXY) gives no answer"
	}
	return strings.NewReplacer("{who}", who, "{action}", r.Action, "{off}", Off(c.Skew)).Replace(byKind[c.Kind].what)
}

// sources are the services that give credentials, as people know them.
var sources = map[string]string{"ec2imds": "the instance's metadata service", "SSO": "IAM Identity Center", "SSO OIDC": "IAM Identity Center", "Signin": "the sign-in"}

// Fix says what a person must change.
func (c Cause) Fix(r Request) string {
	fix := c.entry().fix
	switch {
	case c.refusesContents(r):
		fix = "see SQS's own words; if it is the size, raise MaximumMessageSize of the queue in {setting}, to 1048576 at most"
	case c.Kind == NoAnswer && c.Code == "proxy":
		fix = "correct HTTPS_PROXY and HTTP_PROXY, or name the hosts that need no proxy in NO_PROXY"
	case c.Kind == NoCredentials && isSource[c.Who] && fix != "":
	case fix == "", c.Kind == SkewedClock, c.Kind == Throttled && c.Who != "KMS", c.Kind == NoCredentials, c.Kind == Trouble, c.Kind == NoAnswer, c.Kind == InBetween:
		fix = byKind[c.Kind].fix
	}
	return strings.NewReplacer("{permission}", r.Permission, "{setting}", r.Setting).Replace(fix)
}

// NeedsAPerson reports whether the cause stays until a person changes something.
func (c Cause) NeedsAPerson() bool {
	switch c.Kind {
	case Denied, NoKey, BadCredentials, NoCredentials, NoQueue, NoQueueURL:
		return true
	}
	return false
}

// Off says how far a clock is off that is ahead by skew, in words that stand before
// "AWS's".
func Off(skew time.Duration) string {
	if skew < 0 {
		return fmt.Sprintf("%v behind", (-skew).Round(time.Second))
	}
	return fmt.Sprintf("%v ahead of", skew.Round(time.Second))
}
