"""Every DDI that a driver may want is in the library, with a comment and a source."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from wdfmc import library
from wdfmc.checking import library_texts
from wdfmc.language import ast
from wdfmc.language.parse import parse
from wdfmc.semantics.check import analyse
from wdfmc.source import Source

ROOT = Path(__file__).parents[2]

FORMATTING = """
    WdfIoTargetFormatRequestForRead WdfIoTargetFormatRequestForWrite WdfIoTargetFormatRequestForIoctl
    WdfIoTargetFormatRequestForInternalIoctl WdfIoTargetFormatRequestForInternalIoctlOthers
    WdfRequestFormatRequestUsingCurrentType WdfRequestWdmFormatUsingStackLocation WdfRequestChangeTarget
"""
SENDING = """
    WdfIoTargetSendReadSynchronously WdfIoTargetSendWriteSynchronously WdfIoTargetSendIoctlSynchronously
    WdfIoTargetSendInternalIoctlSynchronously WdfIoTargetSendInternalIoctlOthersSynchronously
    WdfRequestSend WdfRequestCancelSentRequest WdfRequestSetCompletionRoutine
"""
CREATING = "WdfRequestCreate WdfRequestCreateFromIrp WdfRequestReuse WdfObjectDelete"
RESULTS = """
    WdfRequestGetStatus WdfRequestGetCompletionParams WdfRequestGetInformation WdfRequestSetInformation
    WdfRequestComplete WdfRequestCompleteWithInformation WdfRequestCompleteWithPriorityBoost
    WdfRequestGetFileObject WdfRequestIsReserved
"""
TARGETS = """
    WdfDeviceGetIoTarget WdfIoTargetCreate WdfIoTargetOpen WdfIoTargetClose WdfIoTargetCloseForQueryRemove
    WdfIoTargetStart WdfIoTargetStop WdfIoTargetPurge
"""
CANCELLATION = """
    WdfRequestMarkCancelable WdfRequestMarkCancelableEx WdfRequestUnmarkCancelable WdfRequestIsCanceled
    WdfObjectReference WdfObjectDereference
"""
LOCKS = """
    WdfSpinLockAcquire WdfSpinLockRelease WdfWaitLockAcquire WdfWaitLockRelease WdfObjectAcquireLock
    WdfObjectReleaseLock WdfInterruptAcquireLock WdfInterruptReleaseLock
"""
QUEUES = """
    WdfRequestForwardToIoQueue WdfRequestRequeue WdfDeviceEnqueueRequest WdfIoQueueRetrieveNextRequest
    WdfIoQueueRetrieveRequestByFileObject WdfIoQueueFindRequest WdfIoQueueRetrieveFoundRequest WdfIoQueueReadyNotify
    WdfIoQueueStart WdfIoQueueStop WdfIoQueueStopSynchronously WdfIoQueueDrain WdfIoQueueDrainSynchronously
    WdfIoQueuePurge WdfIoQueuePurgeSynchronously WdfIoQueueStopAndPurge WdfIoQueueStopAndPurgeSynchronously
"""
DEFERRED = """
    WdfTimerStart WdfTimerStop WdfDpcEnqueue WdfDpcCancel WdfWorkItemEnqueue WdfWorkItemFlush
    WdfInterruptQueueDpcForIsr WdfInterruptQueueWorkItemForIsr WdfRequestStopAcknowledge
"""
DDIS = f"{FORMATTING} {SENDING} {CREATING} {RESULTS} {TARGETS} {CANCELLATION} {LOCKS} {QUEUES} {DEFERRED}".split()
CALLBACK_NAMES = """
    EvtIoRead EvtIoWrite EvtIoDeviceControl EvtIoInternalDeviceControl EvtIoDefault EvtRequestCancel
    EvtIoCanceledOnQueue EvtIoQueueState EvtIoStop EvtIoResume CompletionRoutine EvtTimerFunc EvtDpcFunc EvtWorkItem
    EvtInterruptIsr EvtInterruptDpc EvtInterruptWorkItem EvtInterruptEnable EvtInterruptDisable
    EvtDeviceD0Entry EvtDeviceD0Exit EvtDeviceSelfManagedIoInit EvtDeviceSelfManagedIoSuspend
    EvtDeviceSelfManagedIoRestart EvtDeviceSurpriseRemoval EvtDeviceReleaseHardware
    EvtDeviceSelfManagedIoFlush EvtDeviceSelfManagedIoCleanup EvtDeviceD0EntryPostInterruptsEnabled
    EvtDeviceD0ExitPreInterruptsDisabled EvtDevicePrepareHardware EvtIoQueueStopComplete EvtIoInCallerContext
    EvtDeviceFileCreate EvtFileCleanup EvtFileClose EvtCleanupCallback EvtDestroyCallback
    EvtIoTargetQueryRemove EvtIoTargetRemoveCanceled EvtIoTargetRemoveComplete
    EvtUsbTargetPipeReadComplete EvtUsbTargetPipeReadersFailed
    EvtIoAllocateRequestResources EvtIoAllocateResourcesForReservedRequest EvtIoWdmIrpForForwardProgress
"""
OPTION_NAMES = """
    WDF_REQUEST_SEND_OPTION_SEND_AND_FORGET WDF_REQUEST_SEND_OPTION_SYNCHRONOUS WDF_REQUEST_SEND_OPTION_TIMEOUT
    WDF_REQUEST_SEND_OPTION_IGNORE_TARGET_STATE WdfIoTargetCancelSentIo WdfIoTargetWaitForSentIoToComplete
    WdfIoTargetLeaveSentIoPending WdfIoTargetPurgeIoAndWait WdfIoTargetPurgeIo
"""


@pytest.mark.parametrize("name", DDIS)
def test_ddi_is_in_the_library(name: str) -> None:
    assert {entry.kind for entry in library.find(name)} == {"DDI"}


@pytest.mark.parametrize("name", CALLBACK_NAMES.split())
def test_callback_is_in_the_library(name: str) -> None:
    assert "callback" in [entry.kind for entry in library.find(name)]


@pytest.mark.parametrize("name", sorted(entry.name for entry in library.entries() if entry.kind == "callback"))
def test_callback_is_bound_in_a_driver_that_is_checked(name: str) -> None:
    """By an object, by a context, or as an argument of a DDI."""
    assert name in CALLBACK_NAMES.split()
    assert name in bound_kinds()


@cache
def bound_kinds() -> set[str]:
    found: set[str] = set()
    for path in [*(ROOT / "models").glob("*/*.wdf"), *(ROOT / "tests" / "framework").glob("*/*.wdf")]:
        program = analyse(parse(Source(path.name, path.read_text(encoding="utf-8"))), *library_texts())
        found |= {kind for callback in program.callbacks.values() for kind in callback.kinds}
    return found


@pytest.mark.parametrize("name", OPTION_NAMES.split())
def test_option_is_in_the_library(name: str) -> None:
    assert library.find(name)


def test_a_filter_is_declared_by_the_name_of_the_ddi() -> None:
    device = next(entry.item for entry in library.find("device") if isinstance(entry.item, ast.Sort))
    assert "WdfFdoInitSetFilter" in {field.name for field in device.fields}


@pytest.mark.parametrize("name", sorted(entry.name for entry in library.entries() if entry.kind == "DDI"))
def test_ddi_is_explained_and_has_a_source(name: str) -> None:
    entry = library.find(name)[0]
    assert isinstance(entry.item, ast.Ddi)
    assert entry.item.sources
    comment = entry.span.text.split("\nddi ")[0]
    assert comment.startswith("// ") and comment.endswith(".")


@pytest.mark.parametrize("kind", ["DDI", "callback", "environment step", "helper", "sort", "enumeration", "event"])
def test_everything_has_a_comment(kind: str) -> None:
    """Events may have theirs at the end of the line."""
    silent = [
        entry.name
        for entry in library.entries()
        if entry.kind == kind
        and not entry.span.text.startswith("//")
        and "//" not in entry.span.source.line(entry.span.line)
    ]
    assert silent == []
