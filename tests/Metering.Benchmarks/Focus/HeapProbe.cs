namespace Metering.Benchmarks.Focus;

/// <summary>Takes what is written and keeps none of it; looks at what is live after the first MiB and then after every 32 MiB.</summary>
internal sealed class HeapProbe : Stream
{
    private const long First = 1 << 20, Step = 32 << 20;
    private long _next = First;

    public double FirstMebibytes { get; private set; }

    public double PeakMebibytes { get; private set; }

    public int Samples { get; private set; }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => Position;

    public override long Position { get; set; }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("It only takes.");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("It only takes.");

    public override void SetLength(long value) => throw new NotSupportedException("It only takes.");

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        Position += buffer.Length;
        if (Position < _next) return;
        _next = Position < Step ? Step : Position + Step;
        var live = GC.GetTotalMemory(forceFullCollection: true) / 1048576.0;
        if (Samples++ == 0) FirstMebibytes = live;
        PeakMebibytes = Math.Max(PeakMebibytes, live);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        Write(buffer.AsSpan(offset, count));
        return Task.CompletedTask;
    }
}
