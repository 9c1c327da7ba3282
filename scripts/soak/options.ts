import { decimal, parseOptions, seed } from '../../src/cli/tool-options.js'

export interface SoakOptions {
  readonly minutes: number
  readonly seed: number
}

export const help = `Lets an application sell for a long time while Redis and PostgreSQL fail, and looks for leaks.

  npm run soak                            half an hour
  npm run soak -- --minutes 480           a night

  --minutes N   how long the application sells, such as 0.5     (default 30)
  --seed N      of the faults and of the buyers' decisions      (default: a new one, printed)
  -h, --help

The application is a process of its own. The tool starts a Redis (appendfsync always) and a PostgreSQL for it. The
application sells in rounds of some seconds. In each round it opens sales, waiting rooms, consumers and followers of
a ledger, and closes them again; meanwhile replies are lost, connections are cut or slow, Redis stops or crashes, and
PostgreSQL ends its connections. Between two rounds the faults stop, the garbage is collected, and a sample is taken:
heap and buffers; timers, sockets and other handles; listeners; objects of the library that are still reachable;
connections at both servers.

The first quarter of the samples is a warm-up. In the rest, a series leaks if all of this holds:
  - its trend rises significantly: Mann-Kendall test, p < 0.01 (Mann 1945, Kendall 1975)
  - it grows by more than 0.5 (counts), or by more than 2 MiB and 5 % of the median (bytes). The growth is the median
    of the slopes between all pairs of samples (Theil 1950, Sen 1968), times their duration
  - it still rises in the second half of the samples: a single step is no leak

An unhandled rejection, an uncaught exception, a warning of too many listeners, an error that no fault explains, or a
call that does not settle ends the run at once. At the end every sale is audited, and compared with the answers of its
buyers and with the ledger.

The first Ctrl-C ends the round under way and reports, the second one ends the process. The exit code is 0 if nothing
leaks and every check holds, 1 if not, 2 for a wrong option, 130 after Ctrl-C.`

/** @throws {BadOption} */
export function readOptions(args: readonly string[]): SoakOptions {
  const { values } = parseOptions(args, { texts: ['minutes', 'seed'] })
  return { minutes: decimal(values, 'minutes', 30, 0, 10_000), seed: seed(values) }
}
