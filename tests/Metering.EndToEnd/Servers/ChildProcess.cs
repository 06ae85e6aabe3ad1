using System.Collections.Concurrent;
using System.Diagnostics;

namespace Metering.EndToEnd.Servers;

/// <summary>A process under test: its output as lines, signals by its id, and always ended when disposed or when the test run ends.</summary>
public sealed class ChildProcess : IAsyncDisposable
{
    private const int MaxLines = 100_000;
    private static readonly TimeSpan EndTimeout = TimeSpan.FromSeconds(20);
    private static readonly ConcurrentDictionary<ChildProcess, bool> Running = new();

    private readonly Process process;
    private readonly Lock gate = new();
    private readonly List<string> lines = [];
    private TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    static ChildProcess() => AppDomain.CurrentDomain.ProcessExit += static (_, _) =>
    {
        foreach (var child in Running.Keys) child.Signal(Signals.Kill);
    };

    private ChildProcess(Process process) => this.process = process;

    /// <summary>The process id.</summary>
    public int Id => process.Id;

    public bool HasExited => process.HasExited;

    /// <summary>128 + signal when it was killed.</summary>
    public int ExitCode => process.ExitCode;

    /// <summary>The lines of standard output and standard error so far, in order of arrival.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (gate) return [.. lines];
        }
    }

    /// <summary>All output so far, for failure messages.</summary>
    public string Output => string.Join('\n', Lines);

    /// <summary>Starts a program.</summary>
    /// <param name="environment">Added to the environment of the tests; null removes a variable.</param>
    public static ChildProcess Start(
        string file, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null, string? workingDirectory = null, string? input = null)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
            WorkingDirectory = workingDirectory ?? Path.GetTempPath(),
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>()) start.Environment[name] = value;
        var child = new ChildProcess(new Process { StartInfo = start, EnableRaisingEvents = true });
        child.process.OutputDataReceived += (_, line) => child.Add(line.Data);
        child.process.ErrorDataReceived += (_, line) => child.Add(line.Data);
        child.process.Exited += (_, _) => child.Changed();
        child.process.Start();
        Running[child] = true;
        child.process.BeginOutputReadLine();
        child.process.BeginErrorReadLine();
        try
        {
            if (input is not null) child.process.StandardInput.Write(input);
            child.process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended without reading it, which its exit code and output tell of.
        }

        return child;
    }

    /// <summary>Runs a program to its end and returns all of its output; fails when the exit code is not the expected one.</summary>
    public static async Task<string> RunAsync(string file, IEnumerable<string> arguments, TimeSpan timeout, CancellationToken cancel, string? input = null, int exitCode = 0)
    {
        await using var child = Start(file, arguments, input: input);
        var code = await child.WaitForExitAsync(timeout, cancel);
        return code == exitCode ? child.Output : throw new InvalidOperationException($"{file} ended with {code}, not {exitCode}:\n{child.Output}");
    }

    /// <summary>Waits for a line that contains the text, and returns it.</summary>
    public Task<string> WaitForLineAsync(string text, TimeSpan timeout, CancellationToken cancel) =>
        WaitForLineAsync(line => line.Contains(text, StringComparison.Ordinal), $"a line with '{text}'", timeout, cancel);

    /// <summary>Waits for a line, from the first on, and returns it. Fails with the whole output when it does not come in time or the process ends without it.</summary>
    /// <param name="from">Lines before this index are not looked at; take it from <see cref="Lines"/> before the event.</param>
    public async Task<string> WaitForLineAsync(Func<string, bool> match, string description, TimeSpan timeout, CancellationToken cancel, int from = 0)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            Task pulse;
            lock (gate)
            {
                for (; from < lines.Count; from++)
                {
                    if (match(lines[from])) return lines[from];
                }

                pulse = changed.Task;
            }

            var left = timeout - TimeProvider.System.GetElapsedTime(started);
            // After the end its last lines may still be on their way; a second is far more than a pipe needs.
            if (process.HasExited && left > TimeSpan.FromSeconds(1)) (timeout, started) = (TimeSpan.FromSeconds(1), TimeProvider.System.GetTimestamp());
            if (left <= TimeSpan.Zero) throw new TimeoutException($"{description} did not come from {process.StartInfo.FileName}:\n{Output}");
            await Task.WhenAny(pulse, Task.Delay(Min(left, TimeSpan.FromSeconds(1)), TimeProvider.System, cancel));
            cancel.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Asks until the answer is yes. Fails with the whole output when it does not come in time or the process ends.</summary>
    public async Task WaitUntilAsync(Func<CancellationToken, Task<bool>> predicate, string description, TimeSpan timeout, CancellationToken cancel)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!await predicate(cancel))
        {
            if (process.HasExited) throw new InvalidOperationException($"{process.StartInfo.FileName} ended with {process.ExitCode} before {description}:\n{Output}");
            if (TimeProvider.System.GetElapsedTime(started) > timeout) throw new TimeoutException($"{description} did not happen in {timeout}:\n{Output}");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, cancel);
        }
    }

    /// <summary>Waits for the end and all output; returns the exit code.</summary>
    public async Task<int> WaitForExitAsync(TimeSpan timeout, CancellationToken cancel)
    {
        await process.WaitForExitAsync(cancel).WaitAsync(timeout, TimeProvider.System, cancel);
        return process.ExitCode;
    }

    /// <summary>SIGKILL, as an out-of-memory killer or a power switch would.</summary>
    public void Kill() => Signal(Signals.Kill);

    /// <summary>SIGTERM, as systemd would.</summary>
    public void Terminate() => Signal(Signals.Terminate);

    /// <summary>SIGSTOP: the process keeps its connections and answers nothing.</summary>
    public void Freeze() => Signal(Signals.Stop);

    /// <summary>SIGCONT, after <see cref="Freeze"/>.</summary>
    public void Thaw() => Signal(Signals.Continue);

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync().WaitAsync(EndTimeout, TimeProvider.System);
        }
        catch (TimeoutException)
        {
            // A grandchild that moved to a session of its own still holds the pipe; the child itself is dead.
        }
        finally
        {
            Running.TryRemove(this, out _);
            process.Dispose();
        }
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    // An id is reused only after its process was reaped, and .NET reaps before HasExited turns true.
    private void Signal(int signal)
    {
        if (!process.HasExited) Signals.Send(process.Id, signal);
    }

    private void Add(string? line)
    {
        if (line is null) return;
        lock (gate)
        {
            if (lines.Count < MaxLines) lines.Add(line);
        }

        Changed();
    }

    private void Changed()
    {
        TaskCompletionSource before;
        lock (gate)
        {
            before = changed;
            changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        before.SetResult();
    }
}
