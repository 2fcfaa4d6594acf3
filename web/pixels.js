/**
 * Pixels of a decoded frame. Who draws frames that lie in memory, as a decoder without a graphics card gives them, has Chromium keep
 * a copy of each for when it is drawn once more, up to a thousand: some hundred megabytes that nobody looks at again.
 * @module
 */

/** Memory of pictures that were shown, for those that come: as many as are under way at once. @type {ImageData[]} */
const spare = [];
const SPARE_MAX = 6;

export class Pixels {
  #image;

  /** @param {ImageData} image */
  constructor(image) {
    this.#image = image;
  }

  /** @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context of a canvas that is as large */
  drawOn(context) {
    context.putImageData(this.#image, 0, 0);
  }

  close() {
    if (spare.length < SPARE_MAX) spare.push(this.#image);
  }
}

/** @type {VideoFrameCopyToOptions & {format: 'RGBA'}} */
const FORMAT = { format: 'RGBA' };

/**
 * What is to be drawn of a frame: its pixels where it lies in memory, and the frame is closed then; else itself.
 * @param {VideoFrame} frame
 * @returns {Promise<VideoFrame | Pixels>}
 */
export async function taken(frame) {
  const { width = 0, height = 0 } = frame.visibleRect ?? {};
  if (frame.format !== 'I420' || !converts(frame, 4 * width * height)) return frame;
  const image = roomFor(width, height);
  try {
    await frame.copyTo(image.data, FORMAT);
  } finally {
    frame.close();
  }
  return new Pixels(image);
}

/** Whether this browser gives the colours of a frame as a canvas takes them. @param {VideoFrame} frame @param {number} bytes that they take */
function converts(frame, bytes) {
  try {
    return frame.allocationSize(FORMAT) === bytes; // one that knows nothing of formats tells the size of its own
  } catch {
    return false;
  }
}

/** @param {number} width @param {number} height */
function roomFor(width, height) {
  const used = spare.pop();
  return used?.width === width && used.height === height ? used : new ImageData(width, height);
}
