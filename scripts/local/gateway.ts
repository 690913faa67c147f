import type { Server } from "node:http";
import { forward } from "./forward.ts";
import {
  badAddress,
  fromFetch,
  type Handler,
  isReadable,
  listen,
  localServer,
  refuse,
} from "./local-server.ts";
import { type OwnPagesOptions, ownPages, wantsLanding } from "./own-pages.ts";
import { type PlatformOptions, platform } from "./platform.ts";
import { destinationOf, withoutDoubleSlash } from "./route.ts";
import type { Ports } from "./settings.ts";

type GatewayOptions = PlatformOptions &
  OwnPagesOptions & {
    ports: Ports;
    /** Host names of this stack besides those of loopback, such as a tunnel's. */
    hosts?: readonly string[];
    report: (line: string) => void;
  };

/** The API gives signed URLs of Storage to any page that it answers. They need no other credentials. */
const signedUrl = /^\/storage\/v1\/object\/(?:upload\/)?sign\//;
const pagesFor = (target: string) =>
  destinationOf(target).kind === "platform" && !signedUrl.test(target) ? "local" : "any";

/**
 * The only server that clients use. It sends each path to Auth, REST, Storage or a function. The API itself checks
 * origins; the other parts accept only pages of this machine, except at signed URLs.
 */
export async function startGateway(options: GatewayOptions): Promise<Server> {
  const { ports, hosts = [], report } = options;
  const toPlatform = fromFetch(platform(options).fetch);
  const toPages = fromFetch(ownPages(options).fetch);
  const handle: Handler = (request, response) => {
    const target = withoutDoubleSlash(request.url ?? "/");
    request.url = target;
    const destination = destinationOf(target);
    switch (destination.kind) {
      case "function":
        return forward(request, response, destination.name, destination.path, ports);
      case "platform":
        if (!isReadable(target)) return refuse(request, response, ...badAddress);
        return toPlatform(request, response);
      case "docs":
        return toPages(request, response);
      case "index":
        if (options.landing?.() !== undefined && wantsLanding(request)) return toPages(request, response);
        return forward(request, response, "api", "/api", ports);
      default:
        return refuse(request, response, 404, "not_found", "Nothing is served under this path.");
    }
  };
  const server = localServer(handle, {
    name: "The gateway",
    pages: ({ url }) => pagesFor(withoutDoubleSlash(url ?? "/")),
    hosts,
    report,
    options: { keepAliveTimeout: 65_000, requestTimeout: 0 },
  });
  await listen(server, ports.gateway);
  return server;
}
