import { rmSync } from 'node:fs'
import type { Server } from 'node:http'
import { createRequire } from 'node:module'

/** The part of s3rver that is used. */
interface S3Program {
  readonly httpServer: Server
  run(): Promise<{ readonly port: number }>
}

const [directory = '', bucket] = process.argv.slice(2)
const S3rver = createRequire(import.meta.url)('@20minutes/s3rver') as new (options: object) => S3Program
const server = new S3rver({
  address: '127.0.0.1',
  port: 0,
  silent: true,
  directory,
  configureBuckets: [{ name: bucket, configs: [] }],
})
const { port } = await server.run()
server.httpServer.on('request', ({ method, url }) => console.log(`${method} ${url}`))
console.log(`port ${port}`)
// Ends with the test, also where that is killed.
process.stdin.resume().once('end', () => {
  rmSync(directory, { recursive: true, force: true })
  process.exit()
})
