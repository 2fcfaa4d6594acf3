/**
 * The camera or a video file as a source: what is picked is followed by the stream on stage until it is stopped.
 * @module
 */
import { VideoSource } from '../source.js';
import { block, button, element, input } from './dom.js';
import { openCamera } from './own_camera.js';
import { toast, toastError } from './toasts.js';

/**
 * @param {import('../app.js').App} app
 * @param {() => {source: boolean, source_tracks: boolean}} can whether model and server can follow a video's picture, and its motion
 */
export function bindSource(app, can) {
  const video = element('source-video', HTMLVideoElement);
  const strength = input('source-strength');
  const use = element('source-use', HTMLSelectElement);
  const file = input('source-file');
  /** @type {VideoSource | null} */
  let source = null;

  const stop = () => {
    source?.stop();
    source = null;
    const media = /** @type {MediaStream | null} */ (video.srcObject);
    media?.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
    if (video.src) URL.revokeObjectURL(video.src);
    video.removeAttribute('src');
    video.hidden = button('source-stop').disabled = true;
  };

  /** @param {() => Promise<void>} show has the video show what was picked */
  const begin = async (show) => {
    const possible = use.value === 'tracks' ? can().source_tracks : can().source;
    if (!app.stream || app.watching || !possible) {
      const text = app.stream && !possible ? 'This model cannot follow a video.' : 'Begin with a scene or a picture.';
      toast('There is nothing here that could follow', { text, kind: 'error' });
      return;
    }
    stop();
    try {
      await show();
      await video.play();
      if (app.stream) source = new VideoSource(video, app.stream, Number(strength.value) / 100, use.value);
      video.hidden = button('source-stop').disabled = false;
    } catch (error) {
      stop();
      if (/** @type {Error} */ (error).name !== 'NotSupportedError') toastError(error); // that one the video's own event tells
    }
  };

  button('source-camera').addEventListener('click', () => begin(async () => void (video.srcObject = await openCamera(640))));
  button('source-choose').addEventListener('click', () => file.click());
  file.addEventListener('change', () => {
    const picked = file.files?.[0];
    file.value = '';
    if (picked) begin(async () => void (video.src = URL.createObjectURL(picked)));
  });
  video.addEventListener('error', () => {
    if (!video.src) return;
    stop();
    toast('That is no video that this browser can play', { text: 'MP4 and WebM work.', kind: 'error' });
  });
  strength.addEventListener('change', () => source && (source.strength = Number(strength.value) / 100));
  const used = () => (block('source-strength-row').hidden = use.value === 'tracks');
  use.addEventListener('change', () => {
    used();
    if (source) source.use = use.value;
  });
  button('source-stop').addEventListener('click', stop);
  for (const over of /** @type {const} */ (['starting', 'ended', 'failed'])) app.on(over, stop);
  return {
    allow() {
      const { source: picture, source_tracks: motion } = can();
      block('panel-source').hidden = !picture && !motion;
      block('source-use-row').hidden = !picture || !motion;
      use.value = picture ? 'picture' : 'tracks';
      used();
    },
  };
}
