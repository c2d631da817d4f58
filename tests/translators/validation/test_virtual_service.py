"""VirtualService: what validation says about each mistake, and about what only looks like one."""

from __future__ import annotations

import pytest

from tests.translators.validation.cases import Case, case, indent, load, said

ROUTES = (
    case("one destination", "route: [{destination: {host: reviews}}]"),
    case("a weight of 0 on one destination", "route: [{destination: {host: reviews}, weight: 0}]"),
    case(
        "weights that do not add up to 100",
        "route: [{destination: {host: a}, weight: 1}, {destination: {host: b}, weight: 3}]",
    ),
    case(
        "one of two weights left out",
        "route: [{destination: {host: a}, weight: 9}, {destination: {host: b}}]",
    ),
    case("no action", "name: x", "PF0410 spec.http[0]"),
    case(
        "a negative weight",
        "route: [{destination: {host: a}, weight: 5}, {destination: {host: b}, weight: -5}]",
        "PF0417 spec.http[0].route[1].weight",
    ),
    case(
        "a negative weight of a single destination",
        "route: [{destination: {host: a}, weight: -1}]",
        "PF0417 spec.http[0].route[0].weight",
    ),
    case(
        "weights that add up to 0",
        "route: [{destination: {host: a}}, {destination: {host: b}, weight: 0}]",
        "PF0418 spec.http[0].route",
    ),
    case(
        "weights that Envoy cannot add up",
        "route: [{destination: {host: a}, weight: 2147483647}, {destination: {host: b}, weight: 2147483647},"
        " {destination: {host: c}, weight: 2}]",
        "PF0418 spec.http[0].route",
    ),
    case("no destination", "route: [{weight: 1}]", "PF0414 spec.http[0].route[0].destination"),
    case("no host", "route: [{destination: {subset: v1}}]", "PF0414 spec.http[0].route[0].destination.host"),
    case("every host", 'route: [{destination: {host: "*"}}]', "PF0414 spec.http[0].route[0].destination.host"),
    case(
        "underscore in a host", "route: [{destination: {host: a_b}}]", "PF0414 spec.http[0].route[0].destination.host"
    ),
    case("two dots in a host", "route: [{destination: {host: a..b}}]", "PF0414 spec.http[0].route[0].destination.host"),
    case(
        "a subset with a dot",
        "route: [{destination: {host: a, subset: v1.0}}]",
        "PF0415 spec.http[0].route[0].destination.subset",
    ),
    case(
        "port 0",
        "route: [{destination: {host: a, port: {number: 0}}}]",
        "PF0416 spec.http[0].route[0].destination.port.number",
    ),
    case(
        "a port above 65535",
        "route: [{destination: {host: a, port: {number: 65536}}}]",
        "PF0416 spec.http[0].route[0].destination.port.number",
    ),
    case(
        "redirect and route",
        "{redirect: {uri: /x}, route: [{destination: {host: a}}]}",
        "PF0411 spec.http[0].route",
    ),
    case("redirect and fault", "{redirect: {uri: /x}, fault: {abort: {httpStatus: 500}}}", "PF0411 spec.http[0].fault"),
    case("redirect and rewrite", "{redirect: {uri: /x}, rewrite: {uri: /y}}", "PF0411 spec.http[0].rewrite"),
    case(
        "directResponse and route",
        "{directResponse: {status: 200}, route: [{destination: {host: a}}]}",
        "PF0411 spec.http[0].route",
    ),
    case(
        "directResponse and redirect",
        "{directResponse: {status: 200}, redirect: {uri: /x}}",
        "PF0411 spec.http[0].directResponse",
    ),
    case(
        "directResponse and fault",
        "{directResponse: {status: 200}, fault: {abort: {httpStatus: 500}}}",
        "PF0411 spec.http[0].fault",
    ),
    case("delegate", "delegate: {name: other, namespace: team-a}"),
    case("delegate without a name", "delegate: {namespace: team-a}", "PF0413 spec.http[0].delegate.name"),
    case("delegate into no namespace", "delegate: {name: a, namespace: A_B}", "PF0413 spec.http[0].delegate.namespace"),
    case(
        "delegate and route",
        "{delegate: {name: other}, route: [{destination: {host: a}}]}",
        "PF0412 spec.http[0].route",
    ),
    case("a redirect that changes nothing", "redirect: {redirectCode: 302}", "PF0432 spec.http[0].redirect"),
    case("a redirect to a port", "redirect: {derivePort: FROM_REQUEST_PORT}"),
    case(
        "a redirect with a status that is none",
        "redirect: {uri: /x, redirectCode: 404}",
        "PF0433 spec.http[0].redirect.redirectCode",
    ),
    case(
        "a redirect that Envoy lacks",
        "redirect: {uri: /x, redirectCode: 305}",
        "PF0434 spec.http[0].redirect.redirectCode",
    ),
    case("a redirect's scheme", "redirect: {scheme: ftp}", "PF0435 spec.http[0].redirect.scheme"),
    case(
        "a redirect to two ports",
        "redirect: {port: 8443, derivePort: FROM_PROTOCOL_DEFAULT}",
        "PF0436 spec.http[0].redirect.derivePort",
    ),
    case("a redirect of a prefix", "{match: [{uri: {prefix: /a}}], redirect: {prefixRewrite: /b}}"),
    case(
        "a redirect of a prefix that is not matched",
        "{match: [{uri: {prefix: /a}}, {uri: {exact: /c}}], redirect: {prefixRewrite: /b}}",
        "PF0455 spec.http[0].redirect.prefixRewrite",
    ),
    case(
        "a redirect of a prefix and to a path",
        "{match: [{uri: {prefix: /a}}], redirect: {uri: /c, prefixRewrite: /b}}",
        "PF0455 spec.http[0].redirect.prefixRewrite",
    ),
    case("a redirect to port 70000", "redirect: {port: 70000}", "PF0416 spec.http[0].redirect.port"),
    case("an answer", "directResponse: {status: 503, body: {string: maintenance}}"),
    case("an answer with status 100", "directResponse: {status: 100}", "PF0437 spec.http[0].directResponse.status"),
    case("an answer with status 600", "directResponse: {status: 600}", "PF0437 spec.http[0].directResponse.status"),
    case(
        "an answer with two bodies",
        "directResponse: {status: 200, body: {string: a, bytes: YQ==}}",
        "PF0438 spec.http[0].directResponse.body",
    ),
    case(
        "an answer of more than 1 MiB",
        "directResponse: {status: 200, body: {string: " + "x" * (1024 * 1024 + 1) + "}}",
        "PF0438 spec.http[0].directResponse.body",
    ),
    case(
        "an answer of 200 KiB",
        "directResponse: {status: 200, body: {string: " + "x" * (200 * 1024) + "}}",
        "PF0439 spec.http[0].directResponse.body",
    ),
)

POLICIES = (
    case("rewrite of the path", "rewrite: {uri: /x}"),
    case("an empty rewrite", "rewrite: {}", "PF0430 spec.http[0].rewrite"),
    case(
        "rewrite of the path in two ways",
        "rewrite: {uri: /x, uriRegexRewrite: {match: a, rewrite: b}}",
        "PF0431 spec.http[0].rewrite.uriRegexRewrite",
    ),
    case(
        "a regex rewrite to nothing",
        "rewrite: {uriRegexRewrite: {match: a}}",
        "PF0430 spec.http[0].rewrite.uriRegexRewrite.rewrite",
    ),
    case(
        "a regex rewrite of nothing",
        "rewrite: {uriRegexRewrite: {rewrite: a}}",
        "PF0420 spec.http[0].rewrite.uriRegexRewrite.match",
    ),
    case(
        "a regex rewrite with a back-reference",
        r"rewrite: {uriRegexRewrite: {match: '(a)\1', rewrite: b}}",
        "PF0421 spec.http[0].rewrite.uriRegexRewrite.match",
    ),
    case(
        "authority from rewrite and from headers",
        "{rewrite: {authority: a}, headers: {request: {set: {Host: b}}}}",
        "PF0452 spec.http[0].headers.request.set",
    ),
    case("timeout off", "timeout: 0s"),
    case("a timeout below 1ms", "timeout: 500us", "PF0443 spec.http[0].timeout"),
    case("a negative timeout", "timeout: -1s", "PF0443 spec.http[0].timeout"),
    case("a timeout of a millisecond and a half", "timeout: 1500us", "PF0443 spec.http[0].timeout"),
    case("retries", "retries: {attempts: 3, perTryTimeout: 2s, retryOn: '5xx,reset,503'}"),
    case("retries off", "retries: {attempts: 0}"),
    case("negative retries", "retries: {attempts: -1}", "PF0440 spec.http[0].retries.attempts"),
    case(
        "retries off, with conditions",
        "retries: {attempts: 0, retryOn: 5xx}",
        "PF0441 spec.http[0].retries.retryOn",
    ),
    case(
        "retries with no number",
        "retries: {perTryTimeout: 2s}",
        "PF0441 spec.http[0].retries.perTryTimeout",
    ),
    case("an unknown retry condition", "retries: {attempts: 1, retryOn: 5xy}", "PF0442 spec.http[0].retries.retryOn"),
    case("retries on status 600", "retries: {attempts: 1, retryOn: '600'}", "PF0442 spec.http[0].retries.retryOn"),
    case(
        "no time for a try",
        "retries: {attempts: 1, perTryTimeout: 0s}",
        "PF0443 spec.http[0].retries.perTryTimeout",
    ),
    case("a fault", "fault: {delay: {fixedDelay: 5s, percentage: {value: 0.1}}, abort: {httpStatus: 555}}"),
    case("an empty fault", "fault: {}", "PF0446 spec.http[0].fault"),
    case("an abort without a status", "fault: {abort: {percentage: {value: 10}}}", "PF0446 spec.http[0].fault.abort"),
    case("a delay without a duration", "fault: {delay: {percentage: {value: 10}}}", "PF0446 spec.http[0].fault.delay"),
    case("a delay below 1ms", "fault: {delay: {fixedDelay: 1us}}", "PF0443 spec.http[0].fault.delay.fixedDelay"),
    case("an abort with status 600", "fault: {abort: {httpStatus: 600}}", "PF0447 spec.http[0].fault.abort.httpStatus"),
    case(
        "an abort with a gRPC status in small letters",
        "fault: {abort: {grpcStatus: unavailable}}",
        "PF0447 spec.http[0].fault.abort.grpcStatus",
    ),
    case("an abort with a gRPC status", "fault: {abort: {grpcStatus: UNAVAILABLE}}"),
    case(
        "an abort with both statuses",
        "fault: {abort: {httpStatus: 500, grpcStatus: UNAVAILABLE}}",
        "PF0447 spec.http[0].fault.abort",
    ),
    case("an HTTP/2 error", "fault: {abort: {http2Error: X}}", "PF0448 spec.http[0].fault.abort.http2Error"),
    case(
        "an exponential delay",
        "fault: {delay: {exponentialDelay: 1s}}",
        "PF0448 spec.http[0].fault.delay.exponentialDelay",
    ),
    case(
        "more than all requests",
        "fault: {abort: {httpStatus: 500, percentage: {value: 101}}}",
        "PF0449 spec.http[0].fault.abort.percentage.value",
    ),
    case(
        "a share finer than a millionth",
        "fault: {abort: {httpStatus: 500, percentage: {value: 0.00001}}}",
        "PF0449 spec.http[0].fault.abort.percentage.value",
    ),
    case(
        "the old percent", "fault: {delay: {fixedDelay: 1s, percent: 200}}", "PF0449 spec.http[0].fault.delay.percent"
    ),
    case(
        "a CORS policy",
        "corsPolicy: {allowOrigins: [{prefix: 'https://'}], allowMethods: [GET, '*'],"
        " allowHeaders: ['*'], maxAge: 24h}",
    ),
    case("a CORS method", "corsPolicy: {allowMethods: [get]}", "PF0444 spec.http[0].corsPolicy.allowMethods[0]"),
    case("a CORS header", "corsPolicy: {allowHeaders: ['a, b']}", "PF0425 spec.http[0].corsPolicy.allowHeaders[0]"),
    case(
        "an exposed header without a name",
        "corsPolicy: {exposeHeaders: ['']}",
        "PF0425 spec.http[0].corsPolicy.exposeHeaders[0]",
    ),
    case("maxAge with a fraction", "corsPolicy: {maxAge: 1500ms}", "PF0445 spec.http[0].corsPolicy.maxAge"),
    case(
        "an empty CORS origin prefix",
        "corsPolicy: {allowOrigins: [{exact: a}, {prefix: ''}]}",
        "PF0420 spec.http[0].corsPolicy.allowOrigins[1].prefix",
    ),
    case(
        "a CORS origin that RE2 refuses",
        "corsPolicy: {allowOrigins: [{regex: '(?=a)'}]}",
        "PF0421 spec.http[0].corsPolicy.allowOrigins[0].regex",
    ),
    case("mirror", "{mirror: {host: b}, mirrorPercentage: {value: 1.5}}"),
    case(
        "mirror and mirrors", "{mirror: {host: b}, mirrors: [{destination: {host: c}}]}", "PF0453 spec.http[0].mirrors"
    ),
    case("a mirror to nowhere", "mirrors: [{percentage: {value: 1}}]", "PF0414 spec.http[0].mirrors[0].destination"),
    case(
        "a mirror of more than all",
        "mirrors: [{destination: {host: c}, percentage: {value: 150}}]",
        "PF0449 spec.http[0].mirrors[0].percentage.value",
    ),
    case("mirrorPercentage alone", "mirrorPercentage: {value: 1}", "PF0454 spec.http[0].mirrorPercentage"),
    case("a mirror's bad share", "{mirror: {host: b}, mirrorPercent: 101}", "PF0449 spec.http[0].mirrorPercent"),
)

HEADERS = (
    case("set a header", "headers: {request: {set: {x-user: jason}, remove: [x-debug]}}"),
    case("set the authority", "headers: {request: {set: {':authority': other}}}"),
    case("commands in a value", "headers: {response: {add: {x: '%REQ(:path)% in %DURATION%ms, 100%%'}}}"),
    case("a time format", "headers: {request: {add: {x: '%START_TIME(%s.%3f)%'}}}"),
    case(
        "a header name with a space",
        "headers: {request: {set: {'x user': a}}}",
        'PF0425 spec.http[0].headers.request.set["x user"]',
    ),
    case("no header name", "headers: {request: {remove: ['']}}", "PF0425 spec.http[0].headers.request.remove[0]"),
    case("the path", "headers: {request: {set: {':path': /}}}", 'PF0450 spec.http[0].headers.request.set[":path"]'),
    case(
        "the authority of a response",
        "headers: {response: {set: {':authority': a}}}",
        'PF0450 spec.http[0].headers.response.set[":authority"]',
    ),
    case("removing the host", "headers: {request: {remove: [Host]}}", "PF0450 spec.http[0].headers.request.remove[0]"),
    case("a bare percent sign", "headers: {request: {set: {x: 100%}}}", "PF0451 spec.http[0].headers.request.set.x"),
    case("an unknown command", "headers: {request: {set: {x: '%USER%'}}}", "PF0451 spec.http[0].headers.request.set.x"),
    case(
        "a command without its parameter",
        "headers: {request: {add: {x: '%REQ%'}}}",
        "PF0451 spec.http[0].headers.request.add.x",
    ),
    case(
        "a command with a parameter too many",
        "headers: {request: {add: {x: '%PROTOCOL(x)%'}}}",
        "PF0451 spec.http[0].headers.request.add.x",
    ),
    case("a line break", 'headers: {request: {set: {x: "a\\nb"}}}', "PF0451 spec.http[0].headers.request.set.x"),
    case(
        "headers of a destination",
        "{route: [{destination: {host: a}, headers: {response: {remove: [':status']}}}]}",
        "PF0450 spec.http[0].route[0].headers.response.remove[0]",
    ),
)

MATCHES = (
    case("all of it", "{uri: {prefix: /a}, method: {exact: GET}, headers: {x-a: {regex: a.*}}, queryParams: {q: {}}}"),
    case("an exact path that is empty", "uri: {exact: ''}"),
    case("an empty prefix", "uri: {prefix: ''}", "PF0420 spec.http[0].match[0].uri.prefix"),
    case("an empty regex", "uri: {regex: ''}", "PF0420 spec.http[0].match[0].uri.regex"),
    case("a regex that is not closed", "uri: {regex: '/a(b'}", "PF0421 spec.http[0].match[0].uri.regex"),
    case("look-ahead", "uri: {regex: '/(?!a).*'}", "PF0421 spec.http[0].match[0].uri.regex"),
    case("too many repetitions", "uri: {regex: 'a{1001}'}", "PF0421 spec.http[0].match[0].uri.regex"),
    case("a regex of 1024 characters", "uri: {regex: '" + "ab" * 512 + "'}", "PF0423 spec.http[0].match[0].uri.regex"),
    case("a regex of 1025 characters", "uri: {regex: '" + "a" * 1025 + "'}", "PF0422 spec.http[0].match[0].uri.regex"),
    case("a regex above Envoy's default size", "uri: {regex: '[a-z]{98}'}", "PF0423 spec.http[0].match[0].uri.regex"),
    case("a regex of Envoy's default size", "uri: {regex: '[a-z]{96}'}"),
    case(
        "a regex of a huge program",
        r"uri: {regex: '(?:\pL{1000}){1}\pL{1000}\pL{1000}\pL{1000}\pL{1000}'}",
        "PF0424 spec.http[0].match[0].uri.regex",
    ),
    case("a regex that is small for Envoy, which counts bytes", "uri: {regex: '.{46}'}"),
    case("two ways at once", "uri: {exact: /a, prefix: /b}", "PF0426 spec.http[0].match[0].uri"),
    case("presence of a header", "headers: {x-a: {}, x-b: {regex: '*'}, x-c: {regex: ''}}"),
    case("any method by a star", "method: {regex: '*'}", "PF0421 spec.http[0].match[0].method.regex"),
    case("a header name with a space", "headers: {'x a': {exact: b}}", 'PF0425 spec.http[0].match[0].headers["x a"]'),
    case("a pseudo-header", "headers: {':method': {exact: GET}}", 'PF0425 spec.http[0].match[0].headers[":method"]'),
    case(
        "a withoutHeaders regex",
        "withoutHeaders: {x-a: {regex: '['}}",
        "PF0421 spec.http[0].match[0].withoutHeaders.x-a.regex",
    ),
    case(
        "a query parameter without a name",
        "queryParams: {'': {exact: b}}",
        'PF0425 spec.http[0].match[0].queryParams[""]',
    ),
    case("port 0 means any", "port: 0"),
    case("port 65536", "port: 65536", "PF0416 spec.http[0].match[0].port"),
    case("source labels", "sourceLabels: {app: a b}", "PF0281 spec.http[0].match[0].sourceLabels"),
    case("a source namespace", "sourceNamespace: A", "PF0428 spec.http[0].match[0].sourceNamespace"),
    case("a match's gateway", "gateways: [a/b/c]", "PF0406 spec.http[0].match[0].gateways[0]"),
    case(
        "claims of a token, on sidecars",
        "headers: {'@request.auth.claims.sub': {exact: a}}",
        'PF0427 spec.http[0].match[0].headers["@request.auth.claims.sub"]',
    ),
)

SPECS = (
    case("a mesh VirtualService", "{hosts: [reviews], http: [{route: [{destination: {host: reviews}}]}]}"),
    case("every host on a gateway", "{hosts: ['*'], gateways: [gw], http: [{redirect: {uri: /}}]}"),
    case("an address on a gateway", "{hosts: [10.0.0.1], gateways: [gw], http: [{redirect: {uri: /}}]}"),
    case("a gateway of another namespace", "{hosts: [a.com], gateways: [team-a/gw], http: [{redirect: {uri: /}}]}"),
    case("no routes", "{hosts: [a]}", "PF0401 spec"),
    case("every host on the mesh", "{hosts: ['*'], http: [{redirect: {uri: /}}]}", "PF0404 spec.hosts[0]"),
    case(
        "every host on the mesh and a gateway",
        "{hosts: ['*'], gateways: [mesh, gw], http: [{redirect: {uri: /}}]}",
        "PF0404 spec.hosts[0]",
    ),
    case("an address on the mesh", "{hosts: [10.0.0.1], http: [{redirect: {uri: /}}]}", "PF0402 spec.hosts[0]"),
    case("a wildcard in the middle", "{hosts: [a.*.com], http: [{redirect: {uri: /}}]}", "PF0402 spec.hosts[0]"),
    case("a host that begins with a dash", "{hosts: [-a.com], http: [{redirect: {uri: /}}]}", "PF0402 spec.hosts[0]"),
    case("an empty host", "{hosts: [''], http: [{redirect: {uri: /}}]}", "PF0402 spec.hosts[0]"),
    case(
        "a label of 64 characters", f"{{hosts: [{'a' * 64}], http: [{{redirect: {{uri: /}}}}]}}", "PF0402 spec.hosts[0]"
    ),
    case(
        "a host of 257 characters",
        f"{{hosts: [{'ab.' * 85}cd], http: [{{redirect: {{uri: /}}}}]}}",
        "PF0402 spec.hosts[0]",
    ),
    case("a host with a port", "{hosts: ['a.com:80'], http: [{redirect: {uri: /}}]}", "PF0402 spec.hosts[0]"),
    case("a host given twice", "{hosts: [a.com, A.com], http: [{redirect: {uri: /}}]}", "PF0403 spec.hosts[1]"),
    case(
        "a host below a wildcard", "{hosts: [a.x.com, '*.x.com'], http: [{redirect: {uri: /}}]}", "PF0403 spec.hosts[1]"
    ),
    case("a wildcard and its own name", "{hosts: ['*.x.com', x.com], http: [{redirect: {uri: /}}]}"),
    case("a trailing dot", "{hosts: [a.com.], http: [{redirect: {uri: /}}]}"),
    case(
        "a gateway in the old form",
        "{hosts: [a], gateways: [gw.team-a.svc.cluster.local], http: [{redirect: {uri: /}}]}",
        "PF0407 spec.gateways[0]",
    ),
    case(
        "a gateway without a name",
        "{hosts: [a], gateways: [team-a/], http: [{redirect: {uri: /}}]}",
        "PF0406 spec.gateways[0]",
    ),
    case(
        "a gateway without a namespace",
        "{hosts: [a], gateways: [/gw], http: [{redirect: {uri: /}}]}",
        "PF0406 spec.gateways[0]",
    ),
    case("an empty gateway", "{hosts: [a], gateways: [''], http: [{redirect: {uri: /}}]}", "PF0406 spec.gateways[0]"),
    case("a delegate", "{http: [{route: [{destination: {host: a}}]}]}"),
    case(
        "a delegate on a gateway, with TCP",
        "{gateways: [gw], http: [{redirect: {uri: /}}], tcp: [{route: [{destination: {host: a}}]}]}",
        "PF0405 spec.gateways",
        "PF0405 spec.tcp",
    ),
    case("a delegate that delegates", "{http: [{delegate: {name: b}}]}", "PF0413 spec.http[0].delegate"),
    case(
        "exported twice",
        "{hosts: [a], exportTo: [., default], http: [{redirect: {uri: /}}]}",
        "PF0284 spec.exportTo[1]",
    ),
    case(
        "exported to all and one",
        "{hosts: [a], exportTo: ['*', b], http: [{redirect: {uri: /}}]}",
        "PF0284 spec.exportTo",
    ),
    case(
        "exported to nobody", "{hosts: [a], exportTo: ['~'], http: [{redirect: {uri: /}}]}", "PF0284 spec.exportTo[0]"
    ),
    case(
        "exported to no namespace",
        "{hosts: [a], exportTo: [A], http: [{redirect: {uri: /}}]}",
        "PF0284 spec.exportTo[0]",
    ),
    case(
        "257 hosts",
        "{hosts: [" + ", ".join(f"h{i}" for i in range(257)) + "], http: [{redirect: {uri: /}}]}",
        "PF0287 spec.hosts",
    ),
    case(
        "TLS",
        "{hosts: ['*.x.com'], tls: [{match: [{sniHosts: [a.x.com], port: 443}], route: [{destination: {host: a}}]}]}",
    ),
    case("TLS without a match", "{hosts: [a], tls: [{route: [{destination: {host: a}}]}]}", "PF0460 spec.tls[0]"),
    case(
        "TLS without SNI",
        "{hosts: [a], tls: [{match: [{port: 443}], route: [{destination: {host: a}}]}]}",
        "PF0461 spec.tls[0].match[0].sniHosts",
    ),
    case(
        "SNI of others",
        "{hosts: [a], tls: [{match: [{sniHosts: [b]}], route: [{destination: {host: a}}]}]}",
        "PF0462 spec.tls[0].match[0].sniHosts[0]",
    ),
    case(
        "SNI that is no host",
        "{hosts: [a], tls: [{match: [{sniHosts: [a_b]}], route: [{destination: {host: a}}]}]}",
        "PF0402 spec.tls[0].match[0].sniHosts[0]",
    ),
    case(
        "an address as SNI",
        "{hosts: [a], tls: [{match: [{sniHosts: [10.0.0.1]}], route: [{destination: {host: a}}]}]}",
        "PF0463 spec.tls[0].match[0].sniHosts[0]",
    ),
    case("TLS to nowhere", "{hosts: [a], tls: [{match: [{sniHosts: [a]}]}]}", "PF0464 spec.tls[0].route"),
    case(
        "TCP",
        "{hosts: [a], tcp: [{match: [{destinationSubnets: [10.0.0.0/8, '::1'], port: 9}],"
        " route: [{destination: {host: a}}]}]}",
    ),
    case("TCP to nowhere", "{hosts: [a], tcp: [{match: [{port: 9}]}]}", "PF0464 spec.tcp[0].route"),
    case(
        "a subnet",
        "{hosts: [a], tcp: [{match: [{destinationSubnets: [10.0.0.0/33]}], route: [{destination: {host: a}}]}]}",
        "PF0465 spec.tcp[0].match[0].destinationSubnets[0]",
    ),
    case(
        "a source subnet",
        "{hosts: [a], tcp: [{match: [{sourceSubnet: x}], route: [{destination: {host: a}}]}]}",
        "PF0465 spec.tcp[0].match[0].sourceSubnet",
    ),
    case(
        "a TCP port",
        "{hosts: [a], tcp: [{match: [{port: 65536}], route: [{destination: {host: a}}]}]}",
        "PF0416 spec.tcp[0].match[0].port",
    ),
    case(
        "TCP weights",
        "{hosts: [a], tcp: [{route: [{destination: {host: a}}, {destination: {host: b}}]}]}",
        "PF0418 spec.tcp[0].route",
    ),
    case(
        "a TCP source",
        "{hosts: [a], tcp: [{match: [{sourceNamespace: A_B}], route: [{destination: {host: a}}]}]}",
        "PF0428 spec.tcp[0].match[0].sourceNamespace",
    ),
)

GO = "route: [{destination: {host: a}}]"
SHADOWS = (
    case("special before general", f"[{{match: [{{uri: {{prefix: /api}}}}], {GO}}}, {{{GO}}}]"),
    case("a route after one for all", f"[{{{GO}}}, {{match: [{{uri: {{prefix: /a}}}}], {GO}}}]", "PF0470 spec.http[1]"),
    case("two routes for all", f"[{{{GO}}}, {{{GO}}}]", "PF0470 spec.http[1]"),
    case(
        "a prefix below a prefix",
        f"[{{match: [{{uri: {{prefix: /api}}}}], {GO}}}, {{match: [{{uri: {{prefix: /api/v1}}}}], {GO}}}]",
        "PF0470 spec.http[1]",
    ),
    case(
        "an exact path below a prefix",
        f"[{{match: [{{uri: {{prefix: /}}}}], {GO}}}, {{match: [{{uri: {{exact: /x}}}}], {GO}}}]",
        "PF0470 spec.http[1]",
    ),
    case(
        "the first asks for more",
        f"[{{match: [{{uri: {{prefix: /}}, method: {{exact: GET}}}}], {GO}}},"
        f" {{match: [{{uri: {{exact: /x}}}}], {GO}}}]",
    ),
    case(
        "the same headers",
        f"[{{match: [{{headers: {{a: {{exact: b}}}}}}], {GO}}}, {{match: [{{uri: {{exact: /x}},"
        f" headers: {{a: {{exact: b}}}}}}], {GO}}}]",
        "PF0470 spec.http[1]",
    ),
    case(
        "presence before a value",
        f"[{{match: [{{headers: {{a: {{}}}}}}], {GO}}}, {{match: [{{headers: {{a: {{regex: b.}}}}}}], {GO}}}]",
        "PF0470 spec.http[1]",
    ),
    case(
        "other headers",
        f"[{{match: [{{headers: {{a: {{exact: b}}}}}}], {GO}}}, {{match: [{{headers: {{a: {{exact: c}}}}}}], {GO}}}]",
    ),
    case(
        "one match of two",
        f"[{{match: [{{uri: {{prefix: /a}}}}], {GO}}}, {{match: [{{uri: {{exact: /a/b}}}},"
        f" {{uri: {{exact: /b}}}}], {GO}}}]",
        "PF0471 spec.http[1].match[0]",
    ),
    case(
        "twice in one route",
        f"[{{match: [{{uri: {{exact: /a}}}}, {{uri: {{exact: /a}}}}], {GO}}}]",
        "PF0471 spec.http[0].match[1]",
    ),
    case(
        "the same expression",
        f"[{{match: [{{uri: {{regex: /a.}}}}], {GO}}}, {{match: [{{uri: {{regex: /a.}}}}], {GO}}}]",
        "PF0470 spec.http[1]",
    ),
    case(
        "an expression for every path",
        f"[{{match: [{{uri: {{regex: .*}}}}], {GO}}}, {{match: [{{uri: {{exact: /a}}}}], {GO}}}]",
        "PF0470 spec.http[1]",
    ),
    case(
        "without regard to case",
        f"[{{match: [{{uri: {{prefix: /A}}, ignoreUriCase: true}}], {GO}}}, {{match: [{{uri: {{exact: /a}}}}], {GO}}}]",
        "PF0470 spec.http[1]",
    ),
    case(
        "with regard to case",
        f"[{{match: [{{uri: {{prefix: /A}}}}], {GO}}}, {{match: [{{uri: {{exact: /a}}}}], {GO}}}]",
    ),
    case(
        "the second ignores case",
        f"[{{match: [{{uri: {{exact: /a}}}}], {GO}}}, {{match: [{{uri: {{exact: /a}}, ignoreUriCase: true}}], {GO}}}]",
    ),
    case(
        "another port",
        f"[{{match: [{{port: 80}}], {GO}}}, {{match: [{{port: 81}}], {GO}}}, {{match: [{{port: 80}}], {GO}}}]",
        "PF0470 spec.http[2]",
    ),
    case(
        "other sources",
        f"[{{match: [{{sourceLabels: {{a: b}}}}], {GO}}}, {{match: [{{sourceLabels: {{a: b, c: d}}}}],"
        f" {GO}}}, {{{GO}}}]",
        "PF0470 spec.http[1]",
    ),
    case(
        "other gateways",
        f"[{{match: [{{gateways: [g1]}}], {GO}}}, {{match: [{{gateways: [g2]}}], {GO}}}, {{{GO}}}]",
    ),
    case(
        "without a header",
        f"[{{match: [{{withoutHeaders: {{a: {{}}}}}}], {GO}}}, {{match: [{{uri: {{exact: /x}}}}], {GO}}}]",
    ),
)


def ids(row: Case) -> str:
    return row.title


@pytest.mark.parametrize("row", ROUTES, ids=ids)
def test_http_route(row: Case) -> None:
    vs = load("VirtualService", f"spec:\n  hosts: [a]\n  http:\n  -\n{indent(row.snippet, 4)}")
    assert said(vs) == row.expected


@pytest.mark.parametrize("row", [*POLICIES, *HEADERS], ids=ids)
def test_http_policy(row: Case) -> None:
    snippet = row.snippet if row.snippet.startswith("{") else f"{{{row.snippet}}}"
    route = snippet if "route:" in snippet else f"{snippet[:-1]}, {GO}}}"
    assert said(load("VirtualService", f"spec:\n  hosts: [a]\n  http:\n  - {route}")) == row.expected


@pytest.mark.parametrize("row", MATCHES, ids=ids)
def test_http_match(row: Case) -> None:
    snippet = row.snippet if row.snippet.startswith("{") else f"{{{row.snippet}}}"
    vs = load("VirtualService", f"spec:\n  hosts: [a]\n  http:\n  - match: [{snippet}]\n    {GO}")
    assert said(vs) == row.expected


@pytest.mark.parametrize("row", SPECS, ids=ids)
def test_spec(row: Case) -> None:
    assert said(load("VirtualService", f"spec: {row.snippet}")) == row.expected


@pytest.mark.parametrize("row", SHADOWS, ids=ids)
def test_unreachable_routes(row: Case) -> None:
    vs = load("VirtualService", f"spec:\n  hosts: [a]\n  gateways: [gw]\n  http: {row.snippet}")
    assert said(vs) == row.expected


def test_claims_are_for_gateways() -> None:
    spec = (
        f"spec: {{hosts: [a], gateways: [gw],"
        f" http: [{{match: [{{headers: {{'@request.auth.claims.sub': {{exact: a}}}}}}], {GO}}}]}}"
    )
    assert said(load("VirtualService", spec)) == ()
