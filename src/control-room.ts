export { type ControlRoom, controlRoom } from './control-room/control-room.js'
export type { ControlRoomOptions, Operator } from './control-room/options.js'
