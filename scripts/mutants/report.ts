import type { Paint } from '../../src/cli/terminal/style.js'
import { terminalTable } from '../../src/cli/terminal/table.js'
import { type FileResult, type Judgement, MOST_EXPLAINED, share, WANTED_SHARE } from './judge.js'
import type { Mutant } from './mutant.js'
import { shown, type Verdict } from './run.js'

const WANTED = `Wanted: at least ${WANTED_SHARE * 100} %, and at most ${MOST_EXPLAINED * 100} % of all explained.`

/** The place and the change of a mutant, in three lines. */
export function diff(mutant: Mutant, paint: Paint): string[] {
  return [
    paint('bold', mutant.id),
    paint('red', `  - ${mutant.before}`),
    paint('green', `  + ${mutant.after}`.trimEnd()),
  ]
}

export function verdictLine({ mutant, status, by, ms }: Verdict): string {
  const why = by ? ` by ${shown(by)}` : ''
  return `${mutant.id} ${status} in ${(ms / 1_000).toFixed(1)} s${why}`
}

export function report(judgement: Judgement, seconds: number, width: number, paint: Paint): string[] {
  const { files, total, hung, survivors, explained, stale, passed } = judgement
  const percent = (result: FileResult) => `${floor(share(result) * 100)} %`
  const row = (each: FileResult) => [
    each.file.replace('src/redis-engine/sale/scripts/', 'scripts/').replace('src/', ''),
    each.mutants,
    each.killed,
    each.survived,
    each.explained,
    percent(each),
  ]
  const table = {
    title: 'Mutants',
    columns: ['file', 'mutants', 'killed', 'survived', 'explained', 'killed of the rest'],
    rows: [...files, total].map(row),
  }
  const endless = hung > 0 ? ` (${hung} by hanging)` : ''
  const verdict =
    `${total.killed} of ${total.mutants} killed${endless}, ${total.explained} explained, ${total.survived} survived: ` +
    `${percent(total)} of those that can be killed, in ${Math.round(seconds)} s.`
  return [
    ...section('Explained', explained, ({ mutant, reason }) => [...diff(mutant, paint), `    ${reason}`]),
    ...section('Survived', survivors, (mutant) => diff(mutant, paint)),
    ...section('Explanations to be removed', stale, (line) => [line]),
    '',
    ...terminalTable(table, width, paint),
    '',
    paint(passed ? 'green' : 'red', passed ? verdict : `${verdict} ${WANTED}`),
  ]
}

function section<T>(title: string, items: readonly T[], lines: (item: T) => string[]): string[] {
  return items.length === 0 ? [] : ['', `${title}:`, ...items.flatMap(lines)]
}

/** Rounded down, so that it never reaches the wanted share by rounding. */
function floor(percent: number): string {
  return (Math.floor(percent * 10) / 10).toFixed(1)
}
