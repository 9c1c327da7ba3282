import { defineConfig } from 'tsup'
import { controlRoomPage } from './control-room-page.mjs'
import { entryPoints } from './lib/entry-points.js'

const library = Object.fromEntries(entryPoints.map((name) => [name, `src/${name}.ts`]))

export default defineConfig({
  entry: { ...library, cli: 'src/cli/main.ts' },
  format: 'esm',
  target: 'node20',
  // `npm run typecheck` checks what lies behind the types.
  dts: { entry: library, compilerOptions: { noCheck: true } },
  sourcemap: true,
  clean: true,
  // The Lua scripts travel inside the bundle: a service that is bundled itself has no folder to
  // read them from.
  loader: { '.lua': 'text' },
  // For the same reason the page of the control room is a text in the bundle.
  define: { CONTROL_ROOM_PAGE: controlRoomPage() },
})
