"""Every diagnostic code with its severity and title. A code, once released, never changes its meaning.

Ranges: PF01xx files and YAML, PF02xx decoding, PF03xx Gateway, PF04xx VirtualService, PF05xx DestinationRule,
PF06xx Service, EndpointSlice, ServiceEntry and WorkloadEntry, PF07xx references between objects, PF08xx what Envoy
said (NACK), PF09xx sources and serving.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from translators.model.origin import Diagnostic, Severity

if TYPE_CHECKING:
    from translators.model.origin import Location, Origin


class Code(NamedTuple):
    """A code's default severity and its title, as `docs/diagnostics` lists them."""

    severity: Severity
    title: str


CODES: dict[str, Code] = {
    # PF01xx files and YAML
    "PF0101": Code(Severity.ERROR, "a file or folder cannot be read"),
    "PF0102": Code(Severity.ERROR, "a file is larger than --max-file-size"),
    "PF0103": Code(Severity.ERROR, "a file is not YAML"),
    "PF0104": Code(Severity.ERROR, "a document is nested too deep or has too many parts"),
    "PF0105": Code(Severity.ERROR, "YAML aliases expand to too much"),
    "PF0106": Code(Severity.ERROR, "a key stands twice in one mapping"),
    "PF0107": Code(Severity.ERROR, "a file is not UTF-8 text"),
    "PF0108": Code(Severity.ERROR, "a configured file or folder does not exist"),
    "PF0109": Code(Severity.ERROR, "the same object stands in two places"),
    "PF0110": Code(Severity.ERROR, "not a regular file"),
    "PF0111": Code(Severity.ERROR, "a folder contains itself through a symlink"),
    "PF0112": Code(Severity.ERROR, "reading a file failed through a defect of Pilotfish"),
    # PF02xx decoding
    "PF0201": Code(Severity.ERROR, "a document is no Kubernetes object"),
    "PF0202": Code(Severity.WARNING, "an unknown kind is ignored"),
    "PF0203": Code(Severity.WARNING, "an unknown version of a known kind is ignored"),
    "PF0204": Code(Severity.WARNING, "an unknown field is ignored"),
    "PF0205": Code(Severity.ERROR, "a value has the wrong type"),
    "PF0206": Code(Severity.ERROR, "a value is not one of those allowed"),
    "PF0207": Code(Severity.WARNING, "a field has a newer name"),
    "PF0208": Code(Severity.WARNING, "a field has no effect yet"),
    "PF0209": Code(Severity.ERROR, "an object has no valid name"),
    "PF0210": Code(Severity.ERROR, "a field is given twice, under both of its names"),
    "PF0211": Code(Severity.WARNING, "more problems of the same object are not shown"),
    # PF028x, PF029x rules that hold for every kind
    "PF0280": Code(Severity.ERROR, "the name or namespace of an object is not valid"),
    "PF0281": Code(Severity.ERROR, "a label's key or value is not valid"),
    "PF0282": Code(Severity.ERROR, "a selector holds an empty key or a wildcard"),
    "PF0283": Code(Severity.WARNING, "a workload selector is empty"),
    "PF0284": Code(Severity.ERROR, "exportTo is not valid"),
    "PF0285": Code(Severity.ERROR, "an annotation is reserved for Istio's own use"),
    "PF0286": Code(Severity.ERROR, "a text holds a NUL byte or is not valid Unicode"),
    "PF0287": Code(Severity.ERROR, "a list has too many entries"),
    # PF03xx Gateway
    "PF0301": Code(Severity.ERROR, "a Gateway has no servers"),
    "PF0302": Code(Severity.ERROR, "a server has no hosts"),
    "PF0303": Code(Severity.ERROR, "a server's host is not valid"),
    "PF0304": Code(Severity.ERROR, "a server's port is missing or out of range"),
    "PF0305": Code(Severity.ERROR, "a server's protocol is missing or unknown"),
    "PF0306": Code(Severity.ERROR, "a server's port has no name"),
    "PF0307": Code(Severity.ERROR, "two servers of a Gateway share a port name"),
    "PF0308": Code(Severity.ERROR, "targetPort is not supported"),
    "PF0309": Code(Severity.ERROR, "a server's bind is not an IP address or a Unix socket"),
    "PF0310": Code(Severity.ERROR, "an HTTPS or TLS server has no tls settings"),
    "PF0311": Code(Severity.ERROR, "a plain HTTP server has certificates"),
    "PF0312": Code(Severity.ERROR, "a server that is not HTTPS or TLS has tls settings"),
    "PF0313": Code(Severity.WARNING, "httpsRedirect has no effect on a server that is not HTTP"),
    "PF0314": Code(Severity.ERROR, "ISTIO_MUTUAL does not take certificates"),
    "PF0315": Code(Severity.WARNING, "certificates have no effect on TLS that passes through"),
    "PF0316": Code(Severity.ERROR, "a server that terminates TLS has no certificate"),
    "PF0317": Code(Severity.ERROR, "certificates are given in more than one way"),
    "PF0318": Code(Severity.ERROR, "mutual TLS has no CA certificates to check clients with"),
    "PF0319": Code(Severity.ERROR, "caCrl does not go with these TLS settings"),
    "PF0320": Code(Severity.WARNING, "a cipher suite is unknown or listed twice, and ignored"),
    "PF0321": Code(Severity.WARNING, "TLS versions below 1.2 are allowed"),
    "PF0322": Code(Severity.ERROR, "a Gateway's name has a dot or is too long"),
    "PF0323": Code(Severity.ERROR, "too many certificates for one server"),
    "PF0324": Code(Severity.ERROR, "the highest TLS version is below the lowest"),
    # PF035x what merging the Gateways of a proxy finds out
    "PF0350": Code(Severity.WARNING, "the proxy may not listen on this port"),
    "PF0351": Code(
        Severity.WARNING, "the port of the gateway's Service leads to a named port, which cannot be looked up"
    ),
    "PF0352": Code(Severity.ERROR, "another server has the address already, with another protocol"),
    "PF0353": Code(Severity.ERROR, "another server has the TLS host on the same address already"),
    "PF0354": Code(Severity.WARNING, "a server's protocol is not served in this version"),
    "PF0355": Code(Severity.ERROR, "the access log's format is not usable"),
    # PF04xx VirtualService
    "PF0401": Code(Severity.ERROR, "a VirtualService has no routes"),
    "PF0402": Code(Severity.ERROR, "a VirtualService's host is not valid"),
    "PF0403": Code(Severity.ERROR, "hosts of a VirtualService repeat or overlap"),
    "PF0404": Code(Severity.ERROR, 'the host "*" cannot be bound to the mesh'),
    "PF0405": Code(Severity.ERROR, "a VirtualService without hosts (a delegate) has gateways, tls or tcp routes"),
    "PF0406": Code(Severity.ERROR, "the name of a gateway is not valid"),
    "PF0407": Code(Severity.WARNING, "a gateway is named in the old form, with dots"),
    "PF0410": Code(Severity.ERROR, "an HTTP route has no action"),
    "PF0411": Code(Severity.ERROR, "an HTTP route has actions that exclude each other"),
    "PF0412": Code(Severity.ERROR, "a delegating HTTP route has settings that do not go with delegation"),
    "PF0413": Code(Severity.ERROR, "a delegate delegates further, or the delegate has no name"),
    "PF0414": Code(Severity.ERROR, "a destination is missing or its host is not valid"),
    "PF0415": Code(Severity.ERROR, "the name of a subset is not valid"),
    "PF0416": Code(Severity.ERROR, "a port is out of range"),
    "PF0417": Code(Severity.ERROR, "a weight is negative"),
    "PF0418": Code(Severity.ERROR, "the weights of a route add up to 0, or to more than Envoy can count"),
    "PF0420": Code(Severity.ERROR, "a match or a regular expression is empty"),
    "PF0421": Code(Severity.ERROR, "RE2 refuses a regular expression"),
    "PF0422": Code(Severity.ERROR, "a regular expression is too long"),
    "PF0423": Code(Severity.WARNING, "a regular expression is too complex for an Envoy with default settings"),
    "PF0424": Code(Severity.ERROR, "a regular expression is too complex"),
    "PF0425": Code(Severity.ERROR, "the name of a header or parameter is not valid"),
    "PF0426": Code(Severity.ERROR, "a string match says more than one of exact, prefix and regex"),
    "PF0427": Code(Severity.ERROR, "a match on JWT claims is for gateways only"),
    "PF0428": Code(Severity.ERROR, "the source namespace of a match is not valid"),
    "PF0430": Code(Severity.ERROR, "a rewrite changes nothing"),
    "PF0431": Code(Severity.ERROR, "a rewrite says both uri and uriRegexRewrite"),
    "PF0432": Code(Severity.ERROR, "a redirect changes nothing"),
    "PF0433": Code(Severity.ERROR, "a redirect's status is not 3xx"),
    "PF0434": Code(Severity.ERROR, "Envoy has no redirect with this status"),
    "PF0435": Code(Severity.ERROR, "a redirect's scheme is not http or https"),
    "PF0436": Code(Severity.ERROR, "a redirect says both port and derivePort"),
    "PF0437": Code(Severity.ERROR, "the status of a direct response is out of range"),
    "PF0438": Code(Severity.ERROR, "the body of a direct response is too big, or given twice"),
    "PF0439": Code(Severity.WARNING, "the body of a direct response is big"),
    "PF0440": Code(Severity.ERROR, "the number of retries is negative"),
    "PF0441": Code(Severity.ERROR, "retries are switched off and configured"),
    "PF0442": Code(Severity.ERROR, "a retry condition is unknown"),
    "PF0443": Code(Severity.ERROR, "a duration is too short or too fine"),
    "PF0444": Code(Severity.ERROR, "a method in a CORS policy is not valid"),
    "PF0445": Code(Severity.ERROR, "maxAge is not in whole seconds"),
    "PF0446": Code(Severity.ERROR, "a fault injects nothing"),
    "PF0447": Code(Severity.ERROR, "the status of an injected abort is not valid"),
    "PF0448": Code(Severity.ERROR, "this form of fault injection is not supported"),
    "PF0449": Code(Severity.ERROR, "a percentage is out of range"),
    "PF0450": Code(Severity.ERROR, "a header cannot be changed in this way"),
    "PF0451": Code(Severity.ERROR, "a header's value is not a format that Envoy accepts"),
    "PF0452": Code(Severity.ERROR, "the authority is set more than once"),
    "PF0453": Code(Severity.ERROR, "a route says both mirror and mirrors"),
    "PF0454": Code(Severity.WARNING, "a mirror percentage has no effect without a mirror"),
    "PF0455": Code(Severity.ERROR, "a redirect's prefixRewrite does not go with the rest of the route"),
    "PF0460": Code(Severity.ERROR, "a TLS route has no match"),
    "PF0461": Code(Severity.ERROR, "a TLS match has no SNI hosts"),
    "PF0462": Code(Severity.ERROR, "an SNI host is not among the VirtualService's hosts"),
    "PF0463": Code(Severity.WARNING, "an SNI host is an IP address, which clients never send"),
    "PF0464": Code(Severity.ERROR, "a TCP or TLS route has no destination"),
    "PF0465": Code(Severity.ERROR, "a subnet is not valid"),
    "PF0470": Code(Severity.WARNING, "a route is never reached"),
    "PF0471": Code(Severity.WARNING, "a match is never reached"),
    # PF048x what translating a VirtualService finds out
    "PF0480": Code(Severity.WARNING, "delegation is not translated in this version"),
    "PF0481": Code(Severity.WARNING, "a match on JWT claims, which nothing verifies in this version"),
    "PF0482": Code(Severity.WARNING, "TLS and TCP routes are not translated in this version"),
    "PF0483": Code(Severity.WARNING, "a fault without a percentage affects no request"),
    # PF05xx DestinationRule
    "PF0501": Code(Severity.ERROR, "a DestinationRule's host is missing or not valid"),
    "PF0502": Code(Severity.ERROR, "a traffic policy says nothing"),
    "PF0503": Code(Severity.ERROR, "the name of a subset is missing or not valid"),
    "PF0504": Code(Severity.ERROR, "two subsets of a DestinationRule share a name"),
    "PF0505": Code(
        Severity.ERROR, "a DestinationRule with a workload selector can be exported to its own namespace only"
    ),
    "PF0506": Code(Severity.ERROR, "a traffic policy says both tunnel and proxyProtocol"),
    "PF0507": Code(Severity.ERROR, "tunnel settings are not valid"),
    "PF0508": Code(Severity.ERROR, "the settings of a port have no valid port"),
    "PF0509": Code(Severity.ERROR, "the settings of a port say nothing"),
    "PF0510": Code(Severity.ERROR, "a percentage is out of range"),
    "PF0511": Code(Severity.ERROR, "a duration is too short or too fine"),
    "PF0512": Code(Severity.ERROR, "consecutiveLocalOriginFailures needs splitExternalLocalOriginErrors"),
    "PF0513": Code(Severity.ERROR, "a status code of the outlier detection is out of range"),
    "PF0514": Code(Severity.ERROR, "a limit is negative"),
    "PF0515": Code(Severity.ERROR, "a connection pool says nothing"),
    "PF0516": Code(Severity.ERROR, "useClientProtocol does not go with h2UpgradePolicy UPGRADE"),
    "PF0517": Code(Severity.ERROR, "HTTP/2 keepalive needs both interval and timeout"),
    "PF0520": Code(Severity.ERROR, "a hash cookie has no name"),
    "PF0521": Code(Severity.ERROR, "a Maglev table's size is not a prime, or too big"),
    "PF0522": Code(Severity.ERROR, "the ring size is given in more than one way"),
    "PF0523": Code(Severity.WARNING, "a consistent hash has nothing to hash"),
    "PF0524": Code(Severity.ERROR, "a consistent hash has more than one key"),
    "PF0525": Code(Severity.ERROR, "a load balancer says both simple and consistentHash"),
    "PF0526": Code(Severity.ERROR, "the name of a hashed header is not valid"),
    "PF0530": Code(Severity.ERROR, "settings of locality load balancing exclude each other"),
    "PF0531": Code(Severity.ERROR, "locality weights do not add up to 100"),
    "PF0532": Code(Severity.ERROR, "a locality is not valid, or overlaps another"),
    "PF0533": Code(Severity.ERROR, "a locality failover is not valid"),
    "PF0534": Code(Severity.WARNING, "locality failover has no effect without outlierDetection"),
    "PF0540": Code(Severity.ERROR, "warmup settings are not valid"),
    "PF0541": Code(Severity.WARNING, "warmup has no effect with this load balancer"),
    "PF0550": Code(Severity.ERROR, "mutual TLS needs a client certificate and its key"),
    "PF0551": Code(Severity.ERROR, "ISTIO_MUTUAL does not take certificates"),
    "PF0552": Code(Severity.ERROR, "certificates are given both by file and by credentialName"),
    "PF0553": Code(Severity.ERROR, "client certificates need the mode MUTUAL"),
    # PF059x how DestinationRules for one host go together
    "PF0590": Code(Severity.WARNING, "a subset of this name is already defined by another DestinationRule"),
    # PF06xx services and endpoints
    "PF0601": Code(Severity.ERROR, "a ServiceEntry has no hosts"),
    "PF0602": Code(Severity.ERROR, "a ServiceEntry's host is not valid"),
    "PF0603": Code(Severity.WARNING, "a wildcard covers only a part of a label"),
    "PF0604": Code(Severity.ERROR, "a ServiceEntry has both endpoints and a workload selector"),
    "PF0605": Code(Severity.ERROR, "an address is not an IP address or a subnet"),
    "PF0606": Code(Severity.ERROR, "subnets as addresses need resolution NONE or STATIC"),
    "PF0607": Code(Severity.WARNING, "a ServiceEntry has no ports, so nothing can be sent to it"),
    "PF0608": Code(Severity.ERROR, "a service's port is out of range"),
    "PF0609": Code(Severity.ERROR, "two ports of a service share a number"),
    "PF0610": Code(Severity.ERROR, "the name of a port is missing, not valid or used twice"),
    "PF0611": Code(Severity.ERROR, "a port's protocol is unknown"),
    "PF0612": Code(Severity.WARNING, "a TCP port without an address catches all traffic of its number"),
    "PF0613": Code(Severity.ERROR, "resolution NONE does not take endpoints"),
    "PF0614": Code(Severity.ERROR, "resolution STATIC needs endpoints"),
    "PF0615": Code(Severity.ERROR, "the address of an endpoint is missing or not valid"),
    "PF0616": Code(Severity.ERROR, "a wildcard host cannot be looked up in DNS"),
    "PF0617": Code(Severity.ERROR, "DNS_ROUND_ROBIN takes one endpoint at most"),
    "PF0618": Code(Severity.ERROR, "resolution DYNAMIC_DNS does not go with these settings"),
    "PF0619": Code(Severity.ERROR, "several hosts share a port whose protocol cannot tell them apart"),
    "PF0620": Code(Severity.ERROR, "a Unix socket endpoint serves exactly one port"),
    "PF0621": Code(Severity.ERROR, "an endpoint names a port that the service does not have"),
    "PF0622": Code(Severity.ERROR, "an endpoint's port is out of range"),
    "PF0623": Code(Severity.ERROR, "the path of a Unix socket is not absolute"),
    "PF0640": Code(Severity.ERROR, "an ExternalName Service has no valid external name"),
    "PF0641": Code(Severity.ERROR, "a Service's cluster IP is not an IP address"),
    "PF0642": Code(Severity.WARNING, "a Service has no ports"),
    "PF0650": Code(Severity.WARNING, "an EndpointSlice belongs to no Service"),
    "PF0651": Code(Severity.ERROR, "an EndpointSlice's address is not valid for its address type"),
    "PF0652": Code(Severity.ERROR, "an EndpointSlice's address type is unknown"),
    "PF0660": Code(Severity.ERROR, "a pod's address is not an IP address"),
    # PF068x what a translation finds out about services and endpoints
    "PF0680": Code(Severity.WARNING, "Another object of the namespace already defines this host"),
    "PF0681": Code(Severity.WARNING, "An endpoint's address cannot be used, so it is left out"),
    "PF0682": Code(Severity.WARNING, "A service that is looked up in DNS has no endpoints, so it has no cluster"),
    "PF0684": Code(Severity.WARNING, "A gateway has no original destination to pass a request on to"),
    "PF0685": Code(Severity.WARNING, "DNS_ROUND_ROBIN uses its first endpoint only"),
    "PF0686": Code(Severity.WARNING, "A destination's port is UDP, which has no cluster"),
    # PF07xx references
    # PF070x destinations, PF071x hosts
    "PF0701": Code(Severity.ERROR, "a route leads to a host that no service has"),
    "PF0702": Code(Severity.ERROR, "a route leads to a subset that no DestinationRule defines"),
    "PF0703": Code(Severity.ERROR, "a route leads to a port that the service does not have"),
    "PF0704": Code(Severity.ERROR, "a route leads to an ExternalName that stands for no known service"),
    "PF0705": Code(Severity.INFO, "a short host is taken as the host of a ServiceEntry, and not expanded"),
    "PF0710": Code(Severity.WARNING, "a route is never reached, because of another VirtualService for the host"),
    "PF0711": Code(Severity.WARNING, "a VirtualService and its Gateway have no host in common"),
    "PF0720": Code(Severity.ERROR, "a VirtualService names a Gateway that does not exist"),
    "PF0721": Code(Severity.INFO, "a Gateway selects no known workload"),
    "PF0722": Code(Severity.WARNING, "a DestinationRule is for a host that no service has"),
    "PF0723": Code(Severity.WARNING, "a subset has no endpoints"),
    "PF0724": Code(Severity.WARNING, "another VirtualService has the host on the mesh already"),
    "PF0725": Code(Severity.INFO, "two VirtualServices share a host on one gateway"),
    "PF0726": Code(Severity.WARNING, "a route leads to a service without endpoints"),
    "PF0727": Code(Severity.INFO, "the protocol of a port is not declared"),
    "PF0728": Code(Severity.WARNING, "HTTP requests are routed to a port that is not HTTP"),
    "PF0729": Code(Severity.INFO, "a VirtualService is for sidecars only"),
    # PF074x what translating for a sidecar finds out
    "PF0740": Code(Severity.WARNING, "connections to a service cannot be told from those to another"),
    "PF0741": Code(Severity.WARNING, "two services declare different protocols for one port of a workload"),
    # PF08xx Envoy's answers
    "PF0801": Code(Severity.ERROR, "a proxy rejected a resource (NACK)"),
    # PF09xx sources and serving
    "PF0901": Code(Severity.ERROR, "an object could not be validated (a defect in Pilotfish)"),
    "PF0902": Code(Severity.WARNING, "two sources hold an object of one name; the first source's is used"),
    "PF0903": Code(Severity.ERROR, "a translation failed (a defect in Pilotfish); the last good one is served"),
}


def diagnose(
    code: str, message: str, origin: Origin | None = None, *, hint: str = "", location: Location | None = None
) -> Diagnostic:
    """Make the diagnostic of a registered code.

    Raises KeyError for a code that is not in CODES, so that no unlisted code can reach a user.
    """
    return Diagnostic(code, CODES[code].severity, message, origin, hint, location)
