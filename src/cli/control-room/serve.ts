import { serve } from 'srvx/node'
import { controlRoom } from '../../control-room/control-room.js'
import type { ControlRoomOptions } from '../../control-room/options.js'
import { BadUsage } from '../command.js'
import { Door } from './door.js'

/** A control room on this machine's loopback. */
export interface Served {
  /** With the token that lets one browser in. */
  readonly url: string
  /** Ends the live pages, and every connection. */
  close(): Promise<void>
}

/**
 * Serves a control room on 127.0.0.1.
 *
 * @param port 0: a free one.
 * @throws {BadUsage} The port cannot be used.
 */
export async function serveControlRoom(
  port: number,
  options: ControlRoomOptions,
  onSecondUse: () => void,
): Promise<Served> {
  const room = controlRoom(options)
  const server = serve({
    ...{ port, hostname: '127.0.0.1', silent: true, gracefulShutdown: false },
    fetch: async (request) => {
      const stopped = door.stop(request)
      if (!stopped) return room(request)
      const { status, headers, body } = stopped
      return new Response(body, { status, headers: headers as [string, string][] })
    },
  })
  await server.ready().catch(({ code }: NodeJS.ErrnoException) => {
    throw new BadUsage(`--port ${port} cannot be used: ${code}`)
  })
  const door = new Door(Number(new URL(server.url!).port || 80), onSecondUse)
  return {
    url: door.url,
    close: async () => {
      await room.close()
      await server.close(true)
    },
  }
}
