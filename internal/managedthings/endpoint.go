package managedthings

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// The settings are found the way the SDK's generated clients find them; its own
// functions for that, internal/configsources, are closed to other modules.

var hostLabel = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$`)

// resolveEndpoint follows the rules of the service's endpoint rule set
// (botocore, iot-managed-integrations/2025-03-03/endpoint-rule-set-1.json).
func resolveEndpoint(cfg aws.Config) (*url.URL, error) {
	switch {
	case cfg.Region == "":
		return nil, errors.New("no AWS Region is set, and calls of UpdateManagedThing are signed for one: set AWS_REGION, or region in the profile")
	case !hostLabel.MatchString(cfg.Region):
		return nil, fmt.Errorf("the AWS Region %q is no name of a Region: correct AWS_REGION, or region in the profile", cfg.Region)
	}
	fips, err := usesFIPS(cfg)
	if err != nil {
		return nil, err
	}
	custom, err := customEndpoint(cfg)
	if err != nil {
		return nil, err
	}
	if custom != "" {
		if fips {
			return nil, fmt.Errorf("the endpoint %s is set together with FIPS endpoints, which it cannot be: unset AWS_USE_FIPS_ENDPOINT, or the endpoint (AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS, AWS_ENDPOINT_URL, or endpoint_url in the profile)", custom)
		}
		return parseEndpoint(custom)
	}
	host := "api.iotmanagedintegrations"
	if fips {
		host += "-fips"
	}
	return parseEndpoint("https://" + host + "." + cfg.Region + "." + dnsSuffix(cfg.Region))
}

// dnsSuffix is the partition's domain for endpoints with IPv4 and IPv6.
func dnsSuffix(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "api.amazonwebservices.com.cn"
	case strings.HasPrefix(region, "eusc-"):
		return "api.amazonwebservices.eu"
	}
	return "api.aws"
}

func parseEndpoint(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("the endpoint %q of UpdateManagedThing is no URL of the form https://host: correct AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS, AWS_ENDPOINT_URL, or endpoint_url in the profile", text)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}, nil
}

// customEndpoint returns the endpoint that is set, or nothing. The
// service's own variable counts before AWS_ENDPOINT_URL, that one before the
// service's entry in the profile's services section, and that one before the
// profile's endpoint_url. AWS_IGNORE_CONFIGURED_ENDPOINT_URLS switches all off.
func customEndpoint(cfg aws.Config) (string, error) {
	general := os.Getenv("AWS_ENDPOINT_URL") != ""
	own := os.Getenv("AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS") != ""
	if !general || own {
		value, err := serviceEndpoint(cfg)
		if err != nil {
			return "", fmt.Errorf("read the endpoint of UpdateManagedThing from the AWS settings: %w", err)
		}
		if value != "" {
			return value, nil
		}
	}
	return aws.ToString(cfg.BaseEndpoint), nil
}

func serviceEndpoint(cfg aws.Config) (string, error) {
	ctx := context.Background() // the sources are in memory
	for _, source := range cfg.ConfigSources {
		if s, ok := source.(interface {
			GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error)
		}); ok {
			if ignore, found, err := s.GetIgnoreConfiguredEndpoints(ctx); err != nil {
				return "", err
			} else if found && ignore {
				return "", nil
			} else if found {
				break
			}
		}
	}
	for _, source := range cfg.ConfigSources {
		if s, ok := source.(interface {
			GetServiceBaseEndpoint(context.Context, string) (string, bool, error)
		}); ok {
			if value, found, err := s.GetServiceBaseEndpoint(ctx, serviceID); err != nil || found {
				return value, err
			}
		}
	}
	return "", nil
}

func usesFIPS(cfg aws.Config) (bool, error) {
	for _, source := range cfg.ConfigSources {
		if s, ok := source.(interface {
			GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error)
		}); ok {
			if state, found, err := s.GetUseFIPSEndpoint(context.Background()); err != nil {
				return false, fmt.Errorf("read AWS_USE_FIPS_ENDPOINT: %w", err)
			} else if found {
				return state == aws.FIPSEndpointStateEnabled, nil
			}
		}
	}
	return false, nil
}
