"""A CloudFormation template with everything in it resolved, as CloudFormation would."""

import json
import re

import yaml

REGION = "eu-west-1"
ACCOUNT = "123456789012"
PARTITION = "aws"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Reads the short forms of the intrinsic functions, such as !Sub."""


def _intrinsic(loader, tag, node):
    name = tag if tag in ("Ref", "Condition") else "Fn::" + tag
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if tag == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _intrinsic)

_NOTHING = object()  # AWS::NoValue


class Template:
    """A template with values for its parameters. names has what CloudFormation would
    have made up: the physical id of each resource, and its attributes as "Logical.Attribute"."""

    def __init__(self, text, parameters, stack, names):
        self.body = yaml.load(text, _Loader)
        unknown = parameters.keys() - self.body["Parameters"].keys()
        if unknown:
            raise KeyError(f"the template has no parameter {', '.join(sorted(unknown))}")
        self.values = {
            name: str(parameters.get(name, p.get("Default"))) for name, p in self.body["Parameters"].items()
        }
        for name, p in self.body["Parameters"].items():
            if p["Type"].startswith("List<"):
                self.values[name] = self.values[name].split(",")
        self.values |= {
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": PARTITION,
            "AWS::StackName": stack,
            "AWS::NoValue": _NOTHING,
        }
        self.names = names

    def resources(self):
        """The resources that this stack would have, resolved, by logical name."""
        return {
            name: {"Type": r["Type"], **self.resolve({k: v for k, v in r.items() if k not in ("Type", "Condition")})}
            for name, r in self.body["Resources"].items()
            if "Condition" not in r or self.condition(r["Condition"])
        }

    def without_gaps(self):
        """The template as JSON, without the entries of lists that this stack does not have:
        moto leaves a gap for them. All else is left for moto to resolve."""
        return json.dumps(self._without_gaps(self.body))

    def _without_gaps(self, node):
        if isinstance(node, list):
            return [self._without_gaps(n) for n in node if not self._is_gap(n)]
        if isinstance(node, dict):
            return {k: self._without_gaps(v) for k, v in node.items()}
        return node

    def _is_gap(self, node):
        if not isinstance(node, dict) or node.keys() != {"Fn::If"}:
            return False
        name, then, otherwise = node["Fn::If"]
        return (then if self.condition(name) else otherwise) == {"Ref": "AWS::NoValue"}

    def condition(self, name):
        return self.resolve(self.body["Conditions"][name])

    def resolve(self, node):
        if isinstance(node, list):
            return [v for v in map(self.resolve, node) if v is not _NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (name, argument), = node.items()
            if name == "Ref":
                return self._ref(argument)
            if name == "Condition" and isinstance(argument, str):
                return self.condition(argument)
            if name.startswith("Fn::"):
                return getattr(self, "_" + name[4:].lower())(argument)
        resolved = {k: self.resolve(v) for k, v in node.items()}
        return {k: v for k, v in resolved.items() if v is not _NOTHING}

    def _ref(self, name):
        return self.values[name] if name in self.values else self._physical(name)

    def _physical(self, name):
        self._exists(name.split(".")[0])
        return self.names[name]

    def _exists(self, logical):
        resource = self.body["Resources"][logical]
        if "Condition" in resource and not self.condition(resource["Condition"]):
            raise KeyError(f"{logical} is referred to in a stack that does not have it")

    def _getatt(self, argument):
        return self._physical(".".join(argument))

    def _sub(self, argument):
        text, local = (argument, {}) if isinstance(argument, str) else argument
        local = {k: self.resolve(v) for k, v in local.items()}
        return re.sub(r"\$\{([^}]+)\}", lambda m: local[m[1]] if m[1] in local else self._ref(m[1]), text)

    def _if(self, argument):
        name, then, otherwise = argument
        return self.resolve(then if self.condition(name) else otherwise)

    def _findinmap(self, argument):
        name, first, second = map(self.resolve, argument)
        return self.body["Mappings"][name][first][second]

    def _equals(self, argument):
        a, b = map(self.resolve, argument)
        return a == b

    def _not(self, argument):
        return not self.resolve(argument[0])

    def _and(self, argument):
        return all(map(self.resolve, argument))
