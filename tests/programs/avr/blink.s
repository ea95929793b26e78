; Blinks the LED of an Arduino Uno: the counter of its timer divides the clock down to a few hertz.
        .equ    DDRB,  0x04
        .equ    PORTB, 0x05
        .equ    LED,   5

        .section .text
        .global main
main:
        sbi     DDRB, LED
again:
        sbi     PORTB, LED
        rcall   pause
        cbi     PORTB, LED
        rcall   pause
        rjmp    again

pause:
        ldi     r18, 41
        ldi     r19, 150
        ldi     r20, 128
1:      dec     r20
        brne    1b
        dec     r19
        brne    1b
        dec     r18
        brne    1b
        ret

        .section .progmem.data, "a"
name:   .asciz  "blink"
        .end
