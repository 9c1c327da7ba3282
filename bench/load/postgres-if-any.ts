import { type PostgresServer, startPostgres } from '../../scripts/lib/servers/postgres/server.js'
import type { Progress } from '../../scripts/lib/terminal/progress-line.js'

/** A PostgreSQL of the part's own. Without one, everything else is measured all the same. */
export function postgresIfAny(progress: Progress): Promise<PostgresServer | undefined> {
  return startPostgres({ log: (line) => progress.note(line) }).catch((error: Error) => {
    progress.note(`without PostgreSQL: ${error.message}`)
    return undefined
  })
}
