"""Callbacks: what is done at each stage of training, with Keras's names and arguments.

    model.fit(x, y, callbacks=[callbacks.EarlyStopping(patience=3), callbacks.CSVLogger("log.csv")])
"""

from minigrad.callbacks.backup import BackupAndRestore
from minigrad.callbacks.callback import Callback, CallbackList, LambdaCallback
from minigrad.callbacks.history import History
from minigrad.callbacks.logs import CSVLogger
from minigrad.callbacks.progress import ProgressBar
from minigrad.callbacks.saving import ModelCheckpoint
from minigrad.callbacks.schedules import LearningRateScheduler, ReduceLROnPlateau
from minigrad.callbacks.stopping import EarlyStopping, TerminateOnNaN
from minigrad.callbacks.tensorboard import TensorBoard
