import type { Part } from '../part.js'

export function helpText(parts: readonly Part[]): string {
  const width = Math.max(0, ...parts.map(({ name }) => name.length))
  return `How fast is it, how much does it need, and is it still correct at that speed?

  npm run bench                          all parts
  npm run bench -- NAME...               some parts
  npm run bench -- compare A.json B.json two reports side by side

Parts:
${parts.map(({ name, question }) => `  ${name.padEnd(width)}  ${question}`).join('\n')}

Options:
  --redis URL    measure this Redis; only keys of new prefixes are used there, and deleted afterwards
                 (without it: a server of its own, started and stopped by the suite)
  --quick        a few minutes instead of twenty: smaller rounds, fewer of them
  --real-time    what is told as a story takes as long as in the story
  --seed N       for everything that is drawn at random (default 1, so that two runs are asked the same)
  --out FOLDER   where report.json and report.html go (default: a new folder in node_modules/.cache)
  --help         this text

Exit code: 0 when every invariant held, 1 when one did not, 2 when nothing was measured.
A missed target is no failure.`
}
