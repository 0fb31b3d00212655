import { Socket } from 'node:net'
import { type CallReport, parseCallReport, SpawnError } from '@tsbuild/host'
import { RuntimeError } from './errors.js'
import { type ExecProcess, secondCalls } from './exec-process.js'
import { waitForEnd } from './step-end.js'
import { startError } from './step-process.js'

/** A process between its birth and its command. */
export interface JoiningProcess {
  readonly process: ExecProcess
  readonly firstPid: number
}

interface Reports {
  readonly pid?: number
  readonly failure?: CallReport
}

const reportBytes = 16

/** Takes the first child's end, and waits until the second one has executed its command or failed.
 * @param fd where both report to; closed at the end
 * @param onPid called with the id of the second child
 * @returns that id
 * @throws {RuntimeError} as `startProcess` does; nothing is left then */
export async function awaitCommand(
  { process, firstPid }: JoiningProcess,
  fd: number,
  onPid: (pid: number) => void,
): Promise<number> {
  const { pid, failure } = await readReports(fd, onPid)
  const now = Promise.resolve()
  await waitForEnd(firstPid, now)
  if (failure) {
    if (pid !== undefined) await waitForEnd(pid, now)
    const { name = 'exit' } = secondCalls(process)[failure.index] ?? {}
    throw startError(process, new SpawnError(name, -failure.result, failure.index))
  }
  if (pid === undefined) throw new RuntimeError('RUNTIME_UNAVAILABLE', 'Cannot start the process: it ended at birth')
  return pid
}

/** The pipe ends when the command is executed, or when nobody is left to do it. */
async function readReports(fd: number, onPid: (pid: number) => void): Promise<Reports> {
  let bytes = Buffer.alloc(0)
  let reports: Reports = {}
  const take = (report: CallReport) => {
    if (report.result < 0) {
      reports = { ...reports, failure: report }
    } else {
      reports = { ...reports, pid: report.result }
      onPid(report.result)
    }
  }
  const socket = new Socket({ fd, readable: true, writable: false })
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk])
    for (let report = parseCallReport(bytes); report; report = parseCallReport(bytes)) {
      bytes = bytes.subarray(reportBytes)
      take(report)
    }
  })
  await new Promise<void>((resolve) => {
    socket.on('error', () => socket.destroy())
    socket.on('close', () => resolve())
  })
  return reports
}
