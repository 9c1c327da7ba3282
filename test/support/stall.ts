import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** Two ends of a connection within this process. */
export async function connectedSockets(): Promise<{ readonly reader: Socket; readonly writer: Socket }> {
  const server = createServer()
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const reader = connect((server.address() as AddressInfo).port)
  const [writer] = (await once(server, 'connection')) as [Socket]
  onTestFinished(() => {
    for (const one of [reader, writer]) one.destroy()
    server.close()
  })
  await once(reader.setNoDelay(), 'ready')
  return { reader, writer }
}

/** The process does nothing else, and reads nothing, as while it collects garbage. */
export function standStill(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}
