/** Whether requests and commits are measured: always, but for who measures what measuring costs (`Ops.measure`). */
export interface Measuring {
  isOn: boolean
}
