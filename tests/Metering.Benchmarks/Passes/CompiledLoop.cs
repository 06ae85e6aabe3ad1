using System.Diagnostics;
using System.Globalization;
using Metering.Benchmarks.Running;

namespace Metering.Benchmarks.Passes;

/// <summary>The bare loop in C, as a process that is asked for rounds. Absent where there is no compiler.</summary>
internal sealed class CompiledLoop : IDisposable
{
    private readonly Process _process;

    private CompiledLoop(Process process) => _process = process;

    /// <summary>Null when gcc is not installed or the files can not all be opened.</summary>
    public static CompiledLoop? TryStart(string directory, IEnumerable<string> files)
    {
        if (CCompiler.TryCompile("Passes/bare-loop.c", directory) is not { } binary) return null;
        var list = Path.Combine(directory, "files");
        File.WriteAllLines(list, files);
        var process = Process.Start(new ProcessStartInfo(binary, [list]) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true })!;
        if (process.StandardOutput.ReadLine() is not null) return new CompiledLoop(process);
        process.Dispose();
        return null;
    }

    /// <summary>Processor and wall time of one round, in microseconds.</summary>
    public (double Cpu, double Wall) Run(int rounds)
    {
        _process.StandardInput.WriteLine(rounds);
        _process.StandardInput.Flush();
        var words = (_process.StandardOutput.ReadLine() ?? throw new IOException("The C loop has ended.")).Split(' ');
        return (long.Parse(words[0], CultureInfo.InvariantCulture) / 1000.0 / rounds, long.Parse(words[1], CultureInfo.InvariantCulture) / 1000.0 / rounds);
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(5000)) _process.Kill();
        _process.Dispose();
    }
}
