using System.Diagnostics;

namespace Metering.Benchmarks.Running;

/// <summary>The C sources that lie beside the benchmarks.</summary>
internal static class CCompiler
{
    public const string Remedy = "apt-get install gcc libc6-dev";

    /// <summary>The program; null when gcc is not installed.</summary>
    public static string? TryCompile(string source, string directory)
    {
        var binary = Path.Combine(directory, Path.GetFileNameWithoutExtension(source));
        try
        {
            using var compiler = Process.Start("gcc", ["-O2", "-o", binary, Path.Combine(AppContext.BaseDirectory, source)]);
            compiler.WaitForExit();
            return compiler.ExitCode == 0 ? binary : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
