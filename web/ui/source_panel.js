/**
 * The camera or a video file as a source: what is picked is followed by the stream on stage until it is stopped.
 * @module
 */
import { VideoSource } from '../source.js';
import { block, button, element, input } from './dom.js';
import { openCamera } from './own_camera.js';
import { toast, toastError } from './toasts.js';

export class SourcePanel {
  #app;
  #can;
  #video = element('source-video', HTMLVideoElement);
  #strength = input('source-strength');
  #use = element('source-use', HTMLSelectElement);
  /** @type {VideoSource | null} */
  #source = null;

  /**
   * @param {import('../app.js').App} app
   * @param {() => {source: boolean, source_tracks: boolean}} can whether model and server can follow a video's picture, and its motion
   */
  constructor(app, can) {
    this.#app = app;
    this.#can = can;
    this.#bindPick();
    this.#bindUse();
    button('source-stop').addEventListener('click', () => this.#stop());
    for (const over of /** @type {const} */ (['starting', 'ended', 'failed'])) app.on(over, () => this.#stop());
  }

  /** Offers what model and server can. */
  allow() {
    const { source: picture, source_tracks: motion } = this.#can();
    block('panel-source').hidden = !picture && !motion;
    block('source-use-row').hidden = !picture || !motion;
    this.#use.value = picture ? 'picture' : 'tracks';
    this.#showUse();
  }

  #bindPick() {
    const video = this.#video;
    const file = input('source-file');
    button('source-camera').addEventListener('click', () => this.#begin(async () => void (video.srcObject = await openCamera(640))));
    button('source-choose').addEventListener('click', () => file.click());
    file.addEventListener('change', () => {
      const picked = file.files?.[0];
      file.value = '';
      if (picked) this.#begin(async () => void (video.src = URL.createObjectURL(picked)));
    });
    video.addEventListener('error', () => {
      if (!video.src) return;
      this.#stop();
      toast('That is no video that this browser can play', { text: 'MP4 and WebM work.', kind: 'error' });
    });
  }

  #bindUse() {
    this.#strength.addEventListener('change', () => this.#source && (this.#source.strength = Number(this.#strength.value) / 100));
    this.#use.addEventListener('change', () => {
      this.#showUse();
      if (this.#source) this.#source.use = this.#use.value;
    });
  }

  #showUse() {
    block('source-strength-row').hidden = this.#use.value === 'tracks';
  }

  /** @param {() => Promise<void>} show has the video show what was picked */
  async #begin(show) {
    const { stream, watching } = this.#app;
    const possible = this.#use.value === 'tracks' ? this.#can().source_tracks : this.#can().source;
    if (!stream || watching || !possible) {
      const text = stream && !possible ? 'This model cannot follow a video.' : 'Begin with a scene or a picture.';
      toast('There is nothing here that could follow', { text, kind: 'error' });
      return;
    }
    this.#stop();
    try {
      await show();
      await this.#video.play();
      if (this.#app.stream) this.#source = new VideoSource(this.#video, this.#app.stream, Number(this.#strength.value) / 100, this.#use.value);
      this.#video.hidden = button('source-stop').disabled = false;
    } catch (error) {
      this.#stop();
      if (/** @type {Error} */ (error).name !== 'NotSupportedError') toastError(error); // that one the video's own event tells
    }
  }

  #stop() {
    this.#source?.stop();
    this.#source = null;
    const video = this.#video;
    const media = /** @type {MediaStream | null} */ (video.srcObject);
    media?.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
    if (video.src) URL.revokeObjectURL(video.src);
    video.removeAttribute('src');
    video.hidden = button('source-stop').disabled = true;
  }
}
