import { connect } from "node:net";

type Target = { host: string; port: number; processID: number; secretKey: number };

const cancelRequestCode = 80_877_102;
const givenUpAfterMs = 5_000;

/** Asks the server to stop the query of a connection. The request needs another connection and gets no answer. */
export function cancelQuery({ host, port, processID, secretKey }: Target): void {
  const message = new DataView(new ArrayBuffer(16));
  [16, cancelRequestCode, processID, secretKey].forEach((word, index) => {
    message.setInt32(index * 4, word);
  });
  const socket = connect(port, host);
  socket.setTimeout(givenUpAfterMs, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.end(new Uint8Array(message.buffer));
}
