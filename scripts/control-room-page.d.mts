/** The module that contains the page of the control room. */
export const PAGE_MODULE: 'src/control-room/page-assets.ts'

/** The value of CONTROL_ROOM_PAGE, as JSON. */
export function controlRoomPage(): string
