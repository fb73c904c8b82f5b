/** A TCP proxy before the service, whose connections a test can cut. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class Proxy {
  readonly #target: URL;
  #server: Server | undefined;
  #port = 0;
  #pairs = new Set<readonly [Socket, Socket]>();
  #frozen = new Set<readonly [Socket, Socket]>();
  #streams = new WeakSet<readonly [Socket, Socket]>();
  /** How many responses are still to be lost: the request gets through, and the connection breaks before the response. */
  responsesToLose = 0;

  private constructor(target: string) {
    this.#target = new URL(target);
  }

  static async before(target: string): Promise<Proxy> {
    const proxy = new Proxy(target);
    await proxy.up();
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Let connections through (again). */
  async up(): Promise<void> {
    this.#server = createServer((socket) => this.#pass(socket)).listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Break every connection, and let no new one in. */
  async down(): Promise<void> {
    const closed = this.#server && once(this.#server, 'close');
    this.#server?.close();
    this.cut();
    await closed;
  }

  /** Break every connection. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  /** Lose whatever comes over the connections that there are, and keep them open. */
  freeze(): void {
    this.#frozen = new Set(this.#pairs);
  }

  /** The same for those that carry an event stream, as others may be idle and used again. */
  freezeStreams(): void {
    this.#frozen = new Set([...this.#pairs].filter((pair) => this.#streams.has(pair)));
  }

  #pass(socket: Socket): void {
    const upstream = connect(Number(this.#target.port), this.#target.hostname);
    const pair = [socket, upstream] as const;
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      socket.destroy();
      upstream.destroy();
    };
    for (const side of pair) side.on('error', end).on('close', end);
    socket.on('data', (data) => this.#frozen.has(pair) || upstream.write(data));
    upstream.on('data', (data) => {
      if (this.#frozen.has(pair)) return undefined;
      if (data.includes('content-type: text/event-stream')) this.#streams.add(pair);
      if (this.responsesToLose <= 0) return socket.write(data);
      this.responsesToLose -= 1;
      return end();
    });
  }
}
