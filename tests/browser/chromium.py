"""Drives a headless Chromium over a pipe, by its DevTools protocol; nothing beside Python is needed."""

import base64
import json
import os
import select
import shutil
import subprocess
import time


def find():
    """Chromium's path; Debian's is installed where there is none."""
    if not shutil.which("chromium"):
        subprocess.run(["apt-get", "update", "-q"], check=True)
        subprocess.run(["apt-get", "install", "-y", "-q", "chromium"], check=True)
    return shutil.which("chromium")


class Browser:
    def __init__(self, profile):
        to_read, self.to = os.pipe()
        self.back, from_write = os.pipe()

        def as_3_and_4():  # the numbers that Chromium expects
            os.dup2(os.dup(to_read), 3)
            os.dup2(os.dup(from_write), 4)

        self.process = subprocess.Popen(
            [find(), "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
            + ["--no-first-run", f"--user-data-dir={profile}", "about:blank"],
            close_fds=False,
            preexec_fn=as_3_and_4,
            stderr=subprocess.DEVNULL,
        )
        self.left, self.last, self.events = b"", 0, []

    def call(self, method, session=None, **params):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        wanted = self.last
        while True:
            answer = self.receive(30)
            if answer is None:
                raise TimeoutError(method)
            if answer.get("id") == wanted:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def receive(self, seconds):
        end = time.monotonic() + seconds
        while b"\0" not in self.left:
            if not select.select([self.back], [], [], max(0, end - time.monotonic()))[0]:
                return None
            self.left += os.read(self.back, 1 << 20)
        first, self.left = self.left.split(b"\0", 1)
        return json.loads(first)

    def close(self):
        self.process.terminate()
        self.process.wait()


class Tab:
    """A page in a window of its own, or in front of the last one, and all that went wrong in it."""

    def __init__(self, browser, url, window=True):
        self.browser = browser
        made = browser.call("Target.createTarget", url="about:blank", newWindow=window)
        target = made["targetId"]
        attached = browser.call("Target.attachToTarget", targetId=target, flatten=True)
        self.target, self.session = target, attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.size(1280, 900)
        self.dark(False)
        self.call("Page.navigate", url=url)

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)

    def size(self, width, height, phone=False):
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )

    def dark(self, on):
        feature = {"name": "prefers-color-scheme", "value": "dark" if on else "light"}
        self.call("Emulation.setEmulatedMedia", features=[feature])

    def ask(self, script):
        """The value of a JavaScript expression."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, script, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.ask(script):
                    return
            except RuntimeError:
                pass  # not loaded yet
            time.sleep(0.1)
        raise TimeoutError(f"never true: {script}\n{self.ask('document.body.innerText')[:2000]}")

    def key(self, key, code=0, text="", shift=False):
        press = dict(key=key, code=key, windowsVirtualKeyCode=code, modifiers=8 if shift else 0)
        down = {**press, "text": text} if text else press
        self.call("Input.dispatchKeyEvent", type="keyDown", **down)
        self.call("Input.dispatchKeyEvent", type="keyUp", **press)

    def shot(self, path, whole=True):
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(picture["data"]))

    def whole_shot(self, path, width, phone=False):
        height = min(12000, self.ask("document.documentElement.scrollHeight"))
        self.size(width, height, phone)
        time.sleep(0.5)
        self.shot(path, whole=False)

    def wrong(self):
        """Errors and exceptions so far, and requests that left this machine."""
        self.ask("1")  # takes in what is waiting
        found = []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            params = event.get("params", {})
            if event["method"] == "Runtime.exceptionThrown":
                found.append(params["exceptionDetails"])
            elif event["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
                found.append(params["entry"]["text"])
            elif event["method"] == "Network.requestWillBeSent":
                url = params["request"]["url"]
                if not url.startswith(("http://127.0.0.1:", "file:", "data:", "about:")):
                    found.append(url)
        return found
