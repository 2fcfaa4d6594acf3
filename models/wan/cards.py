"""Cards of the causal Wan students whose weights are public, and of the two shapes for students of one's own.
Free of torch.
"""

from __future__ import annotations

from dataclasses import replace

from flowbrush.models.cards.card import CAPABILITIES, REFERENCED, ModelCard, Source
from flowbrush.models.cards.spec import RolloutSpec, StudentSpec, TaeSpec, Umt5Spec

# Shapes. `chunk`, `sink` and `window` are what MotionStream found best: three latent frames, one sink chunk,
# one chunk of past.
WAN_1_3B = StudentSpec(
    latent_channels=16, dim=1536, ffn_dim=8960, heads=12, layers=30, text_dim=4096, chunk=3, sink=1, window=1
)
WAN_14B = replace(WAN_1_3B, dim=5120, ffn_dim=13824, heads=40, layers=40)
WAN_5B = replace(WAN_1_3B, latent_channels=48, dim=3072, ffn_dim=14336, heads=24, layers=30)

SIZES = ((480, 832), (640, 624))
"""Portrait, and what is nearest to a square with as many tokens: one cache, and one sum of memory, serves all three."""

FOUR_STEPS = (1000, 750, 500, 250)
BY_SLOT = RolloutSpec(FOUR_STEPS, shift=5.0)
EXAMPLES = (
    "A red fox walks through fresh snow in a pine forest, soft morning light, close shot, shallow depth of field.",
    "A paper boat drifts down a rain-filled street gutter, leaves float past, warm evening light, low camera.",
    "A potter's hands shape a bowl on a spinning wheel in a sunlit workshop, dust in the air, steady shot.",
)
TAE_2_1 = Source("Kijai/WanVideo_comfy", ("taew2_1.safetensors",), "codec")
TEXT = Source("Wan-AI/Wan2.1-T2V-1.3B-Diffusers", ("text_encoder/*", "tokenizer/*"))


def _wan(name: str, title: str, rollout: RolloutSpec, student: StudentSpec, sources: tuple[Source, ...], *,
         licence: str = "stated by its publisher", description: str = "") -> ModelCard:  # fmt: skip
    """A card at 832×480, 16 frames a second, with the tiny decoder."""
    return ModelCard(
        name=name,
        title=title,
        licence=licence,
        width=832,
        height=480,
        other_sizes=SIZES,
        fps=16,
        chunk_frames=4 * student.chunk,
        steps=len(rollout.step_list),
        start_steps=len(rollout.step_list),
        student=student,
        codec=TaeSpec(),
        text=Umt5Spec(),
        weights="",
        description=description,
        drag=REFERENCED,
        capabilities={**dict.fromkeys(CAPABILITIES, True), "edits": False},
        examples=EXAMPLES,
        family="wan",
        history=6,
        rollout=rollout,
        sources=(*sources, TAE_2_1, TEXT) if sources else (),
    )


WAN_CARDS = (
    _wan(
        "wan-1.3b", "Wan 2.1 1.3B causal student (your own weights)", BY_SLOT, WAN_1_3B, (),
        licence="that of your weights",
        description="The 1.3B shape with one sink chunk and one window chunk, for a student that you trained or merged.",
    ),
    replace(
        _wan(
            "wan-5b", "Wan 2.2 TI2V 5B causal student (your own weights)", BY_SLOT, WAN_5B, (),
            licence="that of your weights",
            description="The 5B shape at 1280x704 and 24 frames a second, for a student that you trained or merged.",
        ),
        width=1280, height=704, other_sizes=((704, 1280),), fps=24, codec=TaeSpec(channels=48, stride=16, patch=2),
    ),
    _wan(
        "self-forcing-1.3b", "Self-Forcing 1.3B (DMD)", BY_SLOT, replace(WAN_1_3B, sink=0, window=6),
        (Source("gdhe17/Self-Forcing", ("checkpoints/self_forcing_dmd.pt",), "student", "generator_ema"),),
        description="Sharp for its first 81 frames, which is what it was trained for; it drifts after them.",
    ),
    _wan(
        "longlive-1.3b", "LongLive 1.3B", replace(BY_SLOT, recache=True), replace(WAN_1_3B, sink=1, window=2),
        (
            Source("Efficient-Large-Model/LongLive-1.3B", ("models/longlive_base.pt",), "student", "generator"),
            Source("Efficient-Large-Model/LongLive-1.3B", ("models/lora.pt",), "lora"),
        ),
        description="Trained to change its prompt on the way; its window is worked out again when the prompt changes.",
    ),
    _wan(
        "reward-forcing-1.3b", "Reward Forcing 1.3B", replace(BY_SLOT, sink_average=0.999), WAN_1_3B,
        (Source("JaydenLu666/Reward-Forcing-T2V-1.3B", ("rewardforcing.pt",), "student"),),
        description="Positions by slot and a sink that slowly takes in what leaves the window: made for endless streams.",
    ),
    _wan(
        "rolling-forcing-1.3b", "Rolling Forcing 1.3B",
        RolloutSpec((1000, 800, 600, 400, 200), shift=5.0, joint=True),
        replace(WAN_1_3B, sink=1, window=6),
        (Source("TencentARC/RollingForcing", ("checkpoints/rolling_forcing_dmd.pt",), "student", "generator_ema"),),
        licence="MIT",
        description="Denoises five chunks together at rising levels; steadier, and a prompt needs five chunks to come through.",
    ),
    _wan(
        "causvid-1.3b", "CausVid 1.3B", RolloutSpec((1000, 757, 522), shift=8.0, warp=False),
        replace(WAN_1_3B, sink=0, window=6),
        (Source("tianweiy/CausVid", ("autoregressive_checkpoint/model.pt",), "student", "generator"),),
        description="The first of these students: three steps, oversaturated in long runs.",
    ),
    _wan(
        "krea-14b", "Krea Realtime 14B", RolloutSpec((1000, 750, 500, 250, 0), shift=5.0, past="recompute"),
        replace(WAN_14B, sink=0, window=1),
        (Source("krea/krea-realtime-video", ("krea-realtime-video-14b.safetensors",), "student"),),
        description="The large one: its past is worked out again before each chunk, from the last one.",
    ),
)  # fmt: skip
