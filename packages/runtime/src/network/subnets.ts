/** Private ranges of 65,536 addresses each, of which networks are made; the first that the machine itself does not use is taken. */
const pools = ['10.213.0.0', '10.214.0.0', '10.215.0.0', '172.29.0.0', '10.91.0.0'] as const
const poolBits = 16
/** Two of the four addresses are usable: the host's end and the container's. */
const subnetBits = 30

/** Networks that fit in a pool. */
export const subnetCount = 1 << (subnetBits - poolBits)

/** A network of two ends. */
export interface Subnet {
  /** The host's end. */
  readonly gateway: string
  /** The container's end. */
  readonly address: string
  readonly prefixLength: number
  /** The network itself, as `10.213.0.4/30`. */
  readonly range: string
  /** What all networks of the pool lie in. */
  readonly pool: string
}

/** A route of the machine: `to` and `mask` as 32-bit numbers. */
export interface Route {
  readonly device: string
  readonly to: number
  readonly mask: number
}

/** The `index`th network of a pool. */
export function subnetAt(pool: string, index: number): Subnet {
  const first = toNumber(pool) + index * (1 << (32 - subnetBits))
  return {
    gateway: toText(first + 1),
    address: toText(first + 2),
    prefixLength: subnetBits,
    range: `${toText(first)}/${subnetBits}`,
    pool: `${pool}/${poolBits}`,
  }
}

/** The first pool that no route leads into, but for those of our own devices; `undefined` where all are in use. */
export function choosePool(routes: readonly Route[], isOwn: (device: string) => boolean): string | undefined {
  const foreign = routes.filter(({ device, mask }) => mask !== 0 && !isOwn(device))
  const mask = (0xffffffff << (32 - poolBits)) >>> 0
  return pools.find((pool) => !foreign.some((route) => overlap(route, toNumber(pool), mask)))
}

function overlap(route: Route, to: number, mask: number): boolean {
  const common = (route.mask & mask) >>> 0
  return (route.to & common) >>> 0 === (to & common) >>> 0
}

/** Reads /proc/net/route, whose numbers are in the byte order of the machine (little endian on all that we serve). */
export function parseRoutes(text: string): Route[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [device = '', to = '', , , , , , mask = ''] = line.split(/\s+/)
      return /^[0-9A-F]{8}$/i.test(to) && /^[0-9A-F]{8}$/i.test(mask)
        ? [{ device, to: swapped(to), mask: swapped(mask) }]
        : []
    })
}

/** Names of the devices in /proc/net/dev. */
export function parseDevices(text: string): string[] {
  return text.split('\n').flatMap((line) => /^\s*([^\s:|]+):/.exec(line)?.[1] ?? [])
}

function swapped(hex: string): number {
  return Buffer.from(hex, 'hex').readUInt32LE(0)
}

function toNumber(address: string): number {
  return Buffer.from(address.split('.').map(Number)).readUInt32BE(0)
}

function toText(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.')
}
