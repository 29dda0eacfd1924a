/** Whether requests and commits are measured: always, except in the benchmark of measuring (`Ops.measure`). */
export interface Measuring {
  isOn: boolean
}
