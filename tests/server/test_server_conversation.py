"""What a client of `/v1/realtime/video` may ask for while its video runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flowbrush.errors import ErrorCode, ProtocolError
from flowbrush.protocol import CameraSet, PromptSet
from flowbrush.server.realtime.client_messages import Interaction
from flowbrush.server.realtime.conversation import EVENT_ID_CONFLICT, Conversation, NotTaken
from flowbrush.server.realtime.timeline import Timeline


@pytest.fixture
def timeline() -> Timeline:
    return Timeline(0.25)


@pytest.fixture
def conversation(timeline: Timeline) -> Conversation:
    return Conversation("s1", (320, 192), 16.0, timeline)


def interaction(event: dict[str, Any], **more: Any) -> Interaction:
    body = {"type": "session.interaction", "interaction": {"event": event, **more}}
    message = Conversation.read(json.dumps(body))
    asked: Any = getattr(message, "interaction", message)
    assert isinstance(asked, Interaction)
    return asked


def test_bytes_are_not_taken_and_text_is() -> None:
    with pytest.raises(ProtocolError) as refused:
        Conversation.read(b'{"type": "session.ping"}')
    assert refused.value.code is ErrorCode.BINARY_NOT_ALLOWED
    assert Conversation.read('{"type": "session.ping"}').type == "session.ping"


def test_an_interaction_that_is_taken_is_known_by_its_id_and_shown_by_its_last_control(
    conversation: Conversation, timeline: Timeline
) -> None:
    both = interaction(
        {"prompt": "a cat", "multi_modal_data": {"camera": {"data": {"translation": [0.1, 0, 0]}}}},
        event_id="e",
    )
    event_id, asked = conversation.asked(both)
    assert event_id == "e" and [type(each) for each in asked] == [CameraSet, PromptSet]
    assert [each.id for each in asked] == [1, 2]
    assert not timeline.knows("e"), "it is when the session has taken all of it"
    answer = conversation.accepted(event_id, both, asked)
    assert (answer.request_id, answer.event_id) == ("s1", "e")
    assert timeline.shown(1).started == () and timeline.shown(2).started == ("e",)


def test_an_id_is_taken_once_and_the_ids_of_controls_go_on(conversation: Conversation) -> None:
    first = interaction({"prompt": "a cat"}, event_id="e")
    conversation.accepted(*_taken(conversation, first))
    with pytest.raises(NotTaken, match="'e' already") as refused:
        conversation.asked(interaction({"prompt": "a dog"}, event_id="e"))
    assert refused.value.code == EVENT_ID_CONFLICT
    failure = conversation.refusal(refused.value, "e")
    assert (failure.code, failure.request_id, failure.event_id) == (EVENT_ID_CONFLICT, "s1", "e")
    _, asked = conversation.asked(interaction({"prompt": "a dog"}, event_id="f"))
    assert [each.id for each in asked] == [2]


def test_an_interaction_without_an_id_gets_one_of_its_own(conversation: Conversation) -> None:
    ids = {conversation.asked(interaction({"prompt": "x"}))[0] for _ in range(5)}
    assert len(ids) == 5 and all(ids)


def _taken(conversation: Conversation, asked: Interaction) -> tuple[str, Interaction, Any]:
    event_id, made = conversation.asked(asked)
    return event_id, asked, made
