import { constants } from 'node:os'

/** Names of Linux that Node lacks. */
const more = ['CLD', 'RTMIN', 'RTMAX']

/** Whether STOPSIGNAL takes it: any number but 0, or a name of Linux with or without `SIG`, in either case. */
export function isSignal(text: string): boolean {
  if (/^[+-]?\d+$/.test(text)) return Number(text) !== 0
  const name = text.toUpperCase().replace(/^SIG/, '')
  if (Object.hasOwn(constants.signals, `SIG${name}`) || more.includes(name)) return true
  const [, end = '', offset = ''] = /^RT(MIN\+|MAX-)([1-9]\d?)$/.exec(name) ?? []
  return offset !== '' && Number(offset) <= (end === 'MIN+' ? 15 : 14)
}
