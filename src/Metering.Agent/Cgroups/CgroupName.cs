using System.Buffers;
using System.Globalization;
using System.Text;

namespace Metering.Agent.Cgroups;

/// <summary>
/// Cgroup names are bytes. Inside the agent they are strings in which a byte that is no UTF-8 stands as a lone surrogate U+DC80..U+DCFF, so that any name can be
/// opened again; what leaves the agent is the displayed form, in which such a byte, and every control character, reads <c>\xNN</c>.
/// </summary>
public static class CgroupName
{
    /// <summary>Bytes of the kernel to a lossless string.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (System.Text.Unicode.Utf8.IsValid(bytes)) return Encoding.UTF8.GetString(bytes);
        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out var rune, out var used) == OperationStatus.Done)
            {
                text.Append(rune.ToString());
            }
            else
            {
                used = 1;
                text.Append((char)(0xDC00 + bytes[0]));
            }

            bytes = bytes[used..];
        }

        return text.ToString();
    }

    /// <summary>The bytes for the kernel, ended by a zero byte.</summary>
    public static byte[] EncodeTerminated(string name)
    {
        var bytes = new byte[MaxEncoded(name.Length) + 1];
        return bytes[..(Encode(name, bytes) + 1)];
    }

    /// <summary>Room that <see cref="Encode"/> needs at most.</summary>
    public static int MaxEncoded(int characters) => Encoding.UTF8.GetMaxByteCount(characters);

    /// <summary>The bytes for the kernel, without an end; how many they are.</summary>
    public static int Encode(ReadOnlySpan<char> name, Span<byte> into)
    {
        var length = 0;
        while (!name.IsEmpty)
        {
            if (name[0] is >= (char)0xDC80 and <= (char)0xDCFF)
            {
                into[length++] = (byte)(name[0] - 0xDC00);
                name = name[1..];
                continue;
            }

            Rune.DecodeFromUtf16(name, out var rune, out var used);
            length += rune.EncodeToUtf8(into[length..]);
            name = name[used..];
        }

        return length;
    }

    /// <summary>What people and files are shown: valid text without control characters.</summary>
    public static string Display(string name)
    {
        var plain = true;
        foreach (var c in name) plain &= !char.IsControl(c) && !char.IsSurrogate(c);
        if (plain) return name;

        var text = new StringBuilder(name.Length + 8);
        var rest = name.AsSpan();
        while (!rest.IsEmpty)
        {
            if (Rune.DecodeFromUtf16(rest, out var rune, out var used) != OperationStatus.Done)
                text.Append(CultureInfo.InvariantCulture, $"\\x{rest[0] & 0xFF:x2}");
            else if (Rune.IsControl(rune))
                text.Append(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}");
            else
                text.Append(rune.ToString());
            rest = rest[used..];
        }

        return text.ToString();
    }
}
