/** `npm run check:lines`: no file of `src` is too long, and no comment too wide. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { lineFaults } from './lines.js'

const tracked = execFileSync('git', [
  'ls-files',
  '-co',
  '--exclude-standard',
  'src',
  'test',
  'bench',
  'scripts',
])
const files = tracked
  .toString()
  .split('\n')
  .filter((file) => /\.(ts|mjs|mts|lua)$/.test(file) && existsSync(file))
const faults = files.flatMap((file) => lineFaults(file, readFileSync(file, 'utf8')))
for (const fault of faults) console.error(fault)
process.exitCode = faults.length > 0 ? 1 : 0
