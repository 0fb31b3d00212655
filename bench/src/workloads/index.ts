import { copyBig, copySmall } from './copies.js'
import { apt, dag, noopSteps, untar } from './steps.js'
import type { Workload } from './workload.js'

export const workloads: readonly Workload[] = [noopSteps, copySmall, copyBig, untar, apt, dag]
export type { Workload } from './workload.js'
