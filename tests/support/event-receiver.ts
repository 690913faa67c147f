import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { closeServer } from "../../scripts/local/local-server.ts";
import { api, type Developer } from "./api.ts";

export type ReceivedEvent = {
  id: string;
  type: string;
  data: Record<string, any>;
  text: string;
  headers: IncomingHttpHeaders;
};
type Reply = (event: ReceivedEvent, turn: number) => number | "hang up";

/** A developer's server. It records every delivery and answers it with the status of `reply`. */
export class EventReceiver {
  readonly deliveries: ReceivedEvent[] = [];
  reply: Reply = () => 204;
  readonly #server: Server;
  readonly url: string;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`;
  }

  static async start(): Promise<EventReceiver> {
    let receiver: EventReceiver | undefined;
    const server = createServer(async (request, response) => {
      let text = "";
      for await (const chunk of request) text += chunk;
      const { type, data } = JSON.parse(text);
      const event = { id: String(request.headers["webhook-id"]), type, data, text, headers: request.headers };
      receiver?.deliveries.push(event);
      const turn = receiver?.deliveries.filter(({ id }) => id === event.id).length ?? 1;
      const status = receiver?.reply(event, turn) ?? 500;
      if (status === "hang up") return request.socket.destroy();
      response.writeHead(status, { Location: "http://127.0.0.1:1/" }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    receiver = new EventReceiver(server);
    return receiver;
  }

  /** The deliveries without duplicates. */
  get events(): ReceivedEvent[] {
    const ids = new Set<string>();
    return this.deliveries.filter(({ id }) => !ids.has(id) && ids.add(id));
  }

  stop(): Promise<void> {
    return closeServer(this.#server);
  }
}

export const endOfGeneration = ["generation.completed", "generation.failed", "generation.canceled"];
export const hooksOf = ({ project }: Developer) => `/projects/${project.id}/webhooks`;

/** Registers a webhook of the developer's project that leads to the receiver. */
export function createHook(receiver: EventReceiver, developer: Developer, fields: object = {}) {
  const url = `${receiver.url}/${developer.id}`;
  return api(hooksOf(developer), {
    headers: developer.headers,
    json: { url, events: endOfGeneration, ...fields },
  });
}
