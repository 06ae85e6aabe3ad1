using System.Runtime.InteropServices;
using System.Text;

namespace Metering.EndToEnd.Line;

/// <summary>Files whose names are bytes: .NET's own calls take only names that are text.</summary>
internal static partial class RawFiles
{
    private const int ReadOnly = 0, WriteOnly = 1, CloseOnExec = 0x80000;

    public static void MakeDirectory(byte[] path) => Check(Mkdir([.. path, 0], 0x1ED), path, "mkdir");

    /// <summary>False while something still lives in it.</summary>
    public static bool TryRemoveDirectory(byte[] path) => Rmdir([.. path, 0]) == 0;

    public static string ReadText(byte[] path)
    {
        var file = Open([.. path, 0], ReadOnly | CloseOnExec);
        Check(file, path, "open");
        var buffer = new byte[65536];
        var length = (int)Read(file, buffer, (nuint)buffer.Length);
        _ = Close(file);
        Check(length, path, "read");
        return Encoding.ASCII.GetString(buffer, 0, length);
    }

    public static void WriteText(byte[] path, string text)
    {
        var file = Open([.. path, 0], WriteOnly | CloseOnExec);
        Check(file, path, "open");
        var bytes = Encoding.ASCII.GetBytes(text);
        var length = (int)Write(file, bytes, (nuint)bytes.Length);
        _ = Close(file);
        Check(length, path, "write");
    }

    private static void Check(int result, byte[] path, string call)
    {
        if (result < 0) throw new IOException($"{call} {Encoding.Latin1.GetString(path)}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [LibraryImport("libc", EntryPoint = "mkdir", SetLastError = true)]
    private static partial int Mkdir(byte[] path, uint mode);

    [LibraryImport("libc", EntryPoint = "rmdir", SetLastError = true)]
    private static partial int Rmdir(byte[] path);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true)]
    private static partial int Open(byte[] path, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(int file, byte[] buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int file, byte[] buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int file);
}
